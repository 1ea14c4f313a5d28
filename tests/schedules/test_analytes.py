"""Analytes: their codes, their units and what cannot be a person's value."""

import tomllib
from decimal import Decimal
from importlib import resources
from typing import Any

import pytest

from schedules import analytes

COUNTS = ["wbc", "anc", "lymphocytes", "monocytes", "eosinophils", "basophils", "plt"]


def _document() -> dict[str, Any]:
    return tomllib.loads(resources.files("schedules").joinpath("library", "analytes.toml").read_text("utf-8"))


def test_every_figure_says_where_it_is_from() -> None:
    for name, entry in _document()["analytes"].items():
        assert entry["bounds"] in ("source", "product-choice"), name
        assert not entry.get("factors") or entry["evidence"] in ("seen", "arithmetic", "memory"), name
        assert set(entry) <= {
            "title", "unit", "loinc", "snomed", "factors", "lowest", "highest", "evidence", "bounds", "note",
        }, name  # fmt: skip


def test_the_published_guards_are_kept() -> None:
    highest = {name: int(analytes.analyte(name).highest) for name in ("wbc", "anc", "plt")}
    assert highest == {"wbc": 200, "anc": 100, "plt": 2000}


def test_no_loinc_code_stands_for_two_analytes() -> None:
    codes = [code for known in analytes.analytes().values() for code in known.loinc]
    assert len(codes) == len(set(codes))


def _check_digit(code: str) -> bool:
    """LOINC's last digit is a check on the others (modulus 10)."""
    body, digit = code.split("-")
    odd = str(2 * int(body[::-1][::2][::-1]))
    total = sum(map(int, body[::-1][1::2])) + sum(map(int, odd))
    return (10 - total % 10) % 10 == int(digit)


def test_loinc_codes_have_their_check_digit() -> None:
    assert [
        code for known in analytes.analytes().values() for code in known.loinc if not _check_digit(code)
    ] == []


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize(
    ("unit", "factor"),
    [
        ("10*9/L", "1"),
        ("10*3/uL", "1"),
        ("10*6/mL", "1"),
        ("10*3/mm3", "1"),
        ("THOU/uL", "1"),
        ("GI/L", "1"),
        ("10^9/L", "1"),
        ("10^3/uL", "1"),
        ("/uL", "0.001"),
        ("/mm3", "0.001"),
        ("cells/uL", "0.001"),
    ],
)
def test_a_count_is_known_in_every_unit_of_its_kind(name: str, unit: str, factor: str) -> None:
    assert analytes.analyte(name).factor(unit) == Decimal(factor)


@pytest.mark.parametrize(
    ("name", "unit", "factor"),
    [
        ("hb", "g/dL", "10"),
        ("hct", "%", "0.01"),
        ("rbc", "MILL/uL", "1"),
        ("rbc", "TI/L", "1"),
        ("albumin", "g/dL", "10"),
        ("creatinine", "mg/dL", "88.42"),
        ("bilirubin", "mg/dL", "17.10"),
        ("glucose", "mg/dL", "0.05549"),
        ("urea", "mg{urea_N}/dL", "0.357"),
        ("crp", "mg/dL", "10"),
        ("potassium", "meq/L", "1"),
        ("egfr", "mL/min/1.73m2", "1"),
    ],
)
def test_other_units_have_their_factor(name: str, unit: str, factor: str) -> None:
    assert analytes.analyte(name).factor(unit) == Decimal(factor)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("wbc", ""),
        ("wbc", "g/L"),
        ("wbc", "10*9/l"),
        ("wbc", "K/uL"),  # K is kelvin in UCUM
        ("wbc", "10*6/uL"),
        ("wbc", "%"),
        ("hb", "THOU/uL"),
        ("hb", "mmol/L"),
        ("urea", "mg/dL"),  # urea, or its nitrogen
        ("egfr", "mL/min"),
    ],
)
def test_an_unknown_unit_is_refused_with_the_known_ones(name: str, unit: str) -> None:
    known = analytes.analyte(name)
    with pytest.raises(ValueError, match=f"the unit is not known for {name}: use one of") as caught:
        known.factor(unit)
    assert known.unit in str(caught.value)


@pytest.mark.parametrize("name", sorted(analytes.analytes()))
def test_the_bounds_themselves_are_plausible_and_what_lies_beyond_is_not(name: str) -> None:
    known, step = analytes.analyte(name), Decimal("0.001")
    assert known.lowest < known.highest
    assert known.plausible(known.lowest)
    assert known.plausible(known.highest)
    assert not known.plausible(known.lowest - step)
    assert not known.plausible(known.highest + step)


@pytest.mark.parametrize(
    ("name", "usual", "unit"),
    [
        ("hb", "12.5", "g/dL"),
        ("hct", "42", "%"),
        ("albumin", "4.1", "g/dL"),
        ("creatinine", "1.0", "mg/dL"),
        ("wbc", "6500", "/uL"),
        ("plt", "250000", "/uL"),
        ("anc", "3000", "/uL"),
    ],
)
def test_a_usual_value_is_refused_when_its_unit_is_the_other_one(name: str, usual: str, unit: str) -> None:
    known, value = analytes.analyte(name), Decimal(usual)
    assert known.plausible(value * known.factor(unit))
    assert not known.plausible(value), "the value as if it were in the canonical unit"


def test_a_canonical_haemoglobin_albumin_or_creatinine_is_refused_in_the_other_unit() -> None:
    for name, usual, unit in (("hb", 125, "g/dL"), ("albumin", 41, "g/dL"), ("creatinine", 88, "mg/dL")):
        known = analytes.analyte(name)
        assert not known.plausible(usual * known.factor(unit)), name


def test_panels_name_analytes_and_are_flat() -> None:
    for panel, parts in analytes.panels().items():
        assert set(parts) <= set(analytes.analytes()), panel
        assert len(parts) == len(set(parts)), panel
    assert not set(analytes.panels()) & set(analytes.analytes()), "one name, one thing"


def test_a_list_of_panels_and_analytes_is_their_union() -> None:
    assert analytes.components(["cbc", "anc", "alt"]) == {"wbc", "anc", "plt", "hb", "alt"}
    assert analytes.components([]) == frozenset()
    with pytest.raises(ValueError, match="no such analyte"):
        analytes.components(["cbc", "wcc"])
