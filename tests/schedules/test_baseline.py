"""What must be there before a first dose: measured or attested, and what of it is missing."""

import pytest

from schedules import analytes, baseline, protocol
from schedules.baseline import Baseline
from tests.schedules.test_protocol import file

TPMT = {"id": "tpmt", "required": True}


def _asked(*given: dict[str, object]) -> tuple[Baseline, ...]:
    return protocol.build(file(baseline=list(given))).baseline


def test_an_analyte_or_panel_is_measured_and_a_fact_is_attested() -> None:
    count, weight, tpmt, own = _asked(
        {"id": "cbc", "required": True},
        {"id": "creatinine", "required": True},
        TPMT,
        {"id": "chaperone", "required": False, "title": "A chaperone was offered"},
    )
    assert (count.measured, count.components) == (True, {"wbc", "anc", "plt", "hb"})
    assert (weight.measured, weight.name) == (True, "creatinine")
    assert (tpmt.measured, tpmt.components) == (False, frozenset())
    assert tpmt.name.startswith("TPMT")
    assert own.name == "A chaperone was offered"
    assert count.name == "white cells and neutrophils and platelets and haemoglobin"


@pytest.mark.parametrize(
    ("given", "refusal"),
    [
        ([{"id": "tpmd", "required": True}], r"baseline\.0\.title: is missing"),
        ([{"id": "tpmt"}], r"baseline\.0\.required: is missing"),
        ([{"id": "tpmt", "required": "yes"}], r"baseline\.0\.required"),
        ([{"id": "tpmt", "required": True, "evidence": "rumour"}], r"baseline\.0\.evidence"),
        ([{"id": "tpmt", "required": True, "by": "P1M"}], r"baseline\.0\.by: there is no such key"),
        ([TPMT, TPMT], r"baseline: it asks for one thing twice"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_its_key(given: list[object], refusal: str) -> None:
    with pytest.raises(protocol.ProtocolError, match=refusal):
        protocol.build(file(baseline=given))


def test_missing_is_what_has_neither_a_value_nor_an_attestation_the_required_first() -> None:
    asked = _asked({"id": "hiv", "required": False}, TPMT, {"id": "cbc", "required": True})
    none = baseline.missing(asked, measured=[], attested=[])
    assert [one.id for one in none] == ["tpmt", "cbc", "hiv"]
    part = baseline.missing(asked, measured=["wbc", "anc", "plt"], attested=["tpmt"])
    assert [one.id for one in part] == ["cbc", "hiv"]
    counts = ["wbc", "anc", "plt", "hb"]
    assert not baseline.missing(asked, measured=counts, attested=["tpmt", "hiv"])
    old_report = baseline.missing(asked, measured=[], attested=["tpmt", "hiv", "cbc"])
    assert old_report == (), "a person can attest a count that was made elsewhere"


def test_a_condition_of_a_baseline_is_on_the_course() -> None:
    asked = _asked(
        {"id": "pregnancy-tests-twice", "required": True, "when": {"flags_any": ["can-become-pregnant"]}}
    )
    assert not baseline.missing(asked, measured=[], attested=[])
    assert baseline.missing(asked, measured=[], attested=[], flags=["can-become-pregnant"])


def test_a_fact_is_no_analyte_and_no_panel() -> None:
    assert not baseline.facts().keys() & (analytes.analytes().keys() | analytes.panels().keys())
