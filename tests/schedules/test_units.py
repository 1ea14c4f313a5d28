"""Every conversion factor against one computed from the unit's own parts and the molar mass."""

import re
from fractions import Fraction

import pytest

from schedules import analytes

MASSES = {"C": "12.011", "H": "1.008", "N": "14.007", "O": "15.999"}
MOLECULES = {"creatinine": "C4H7N3O", "bilirubin": "C33H36N4O6", "glucose": "C6H12O6", "urea": "N2"}
PREFIXES = {
    "": "1",
    "k": "1000",
    "d": "1/10",
    "c": "1/100",
    "m": "1/1000",
    "u": "1/1000000",
    "n": "1/1000000000",
}
RATIOS = {"%": "1/100", "1": "1", "L/L": "1"}
WITHIN = Fraction(1, 1000)
FACTORS = [(name, unit) for name, known in analytes.analytes().items() for unit in known.factors]


def size(unit: str) -> Fraction:
    """A unit of UCUM in its base: counts, grams, metres or moles, alone or in a litre; a ratio as itself."""
    if unit in RATIOS:
        return Fraction(RATIOS[unit])
    above, _, below = re.sub(r"\{.*?\}", "", unit).partition("/")
    return part(above) / part(below)


def part(text: str) -> Fraction:
    if power := re.fullmatch(r"10\*(\d+)", text):
        return Fraction(10) ** int(power[1])
    if text in ("", "mm3"):
        return Fraction(1, 1_000_000) if text else Fraction(1)
    found = re.fullmatch(r"([kdcmun]?)(L|g|m|mol|eq)", text)
    assert found, text
    return Fraction(PREFIXES[found[1]])


def molar_mass(formula: str) -> Fraction:
    parts = re.findall(r"([A-Z])(\d*)", formula)
    return sum((Fraction(MASSES[element]) * int(many or 1) for element, many in parts), Fraction(0))


@pytest.mark.parametrize(("name", "unit"), FACTORS)
def test_a_factor_is_what_the_units_parts_and_the_molar_mass_give(name: str, unit: str) -> None:
    known = analytes.analyte(name)
    expected = size(unit) / size(known.unit)
    if unit.startswith("mg") and "mol" in known.unit:
        expected /= molar_mass(MOLECULES[name])
    assert abs(Fraction(known.factor(unit)) / expected - 1) < WITHIN


# ---- UK codes

DIHEDRAL = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
            "5987604321", "6598710432", "7659821043", "8765932104", "9876543210")  # fmt: skip
PERMUTED = ("0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415",
            "7046913258")  # fmt: skip


def is_snomed(code: str) -> bool:
    """Verhoeff's check over all digits."""
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(DIHEDRAL[check][int(PERMUTED[place % 8][int(digit)])])
    return check == 0


def test_snomed_codes_have_their_check_digit_and_stand_for_one_analyte() -> None:
    codes = [code for known in analytes.analytes().values() for code in known.snomed]
    assert [code for code in codes if not is_snomed(code)] == []
    assert len(set(codes)) == len(codes) == 40
    assert not is_snomed("1022541000000103")


@pytest.mark.parametrize(
    ("code", "name"),
    [("1022541000000102", "wbc"), ("1022551000000104", "anc"), ("1022651000000100", "plt"),
     ("1018251000000107", "alt"), ("1000731000000107", "creatinine")],
)  # fmt: skip
def test_a_uk_laboratorys_code_is_the_pinned_analytes(code: str, name: str) -> None:
    assert code in analytes.analyte(name).snomed
