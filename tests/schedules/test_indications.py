"""Indications and their pinned codes: two public sets have the first two wrong."""

import re

import pytest

from schedules import indications, library
from schedules.fields import Wrong
from schedules.indications import Indication

CODES = {
    "ulcerative-colitis": "64766004",
    "crohns-disease": "34000006",
    "rheumatoid-arthritis": "69896004",
    "systemic-lupus-erythematosus": "55464009",
    "kidney-transplant": "737295003",
}


def test_the_codes_are_pinned_and_ulcerative_colitis_and_crohns_disease_are_not_swapped() -> None:
    known = indications.indications()
    assert {name: one.snomed for name, one in known.items() if one.snomed} == CODES
    assert known["ulcerative-colitis"].title == "Ulcerative colitis"
    assert known["crohns-disease"].title.startswith("Crohn")
    assert len(set(CODES.values())) == len(CODES)


VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
PERMUTE = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def _checked(code: str) -> bool:
    """A SNOMED CT identifier's last digit is Verhoeff's check on the others."""
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = int(VERHOEFF[check][int(PERMUTE[place % 8][int(digit)])])
    return check == 0


def _snomed_codes() -> list[str]:
    files = library.protocols().values()
    medicines = [one.medicine.snomed for one in files if one.medicine.snomed]
    return [*CODES.values(), *medicines]


@pytest.mark.parametrize("code", sorted(set(_snomed_codes())))
def test_a_snomed_code_has_its_check_digit(code: str) -> None:
    assert re.fullmatch(r"\d{6,18}", code)
    assert _checked(code)
    assert not _checked(code[:-1] + str((int(code[-1]) + 1) % 10))


def test_what_has_no_code_says_so() -> None:
    known = indications.indications()
    assert {name for name, one in known.items() if not one.snomed} >= {"lymphoma", "leukaemia", "transplant"}
    assert all("No source" in (one.note or "") for one in known.values() if not one.snomed)
    with pytest.raises(ValueError, match="say why there is no code"):
        Indication(title="Gout")
    with pytest.raises((ValueError, Wrong), match="a code has its evidence"):
        Indication(title="Gout", snomed="90560007")


def test_transplants_and_leukaemia_are_judged_by_a_clinics_own_protocol() -> None:
    own = {name for name, one in indications.indications().items() if one.own_limits}
    assert own == {"kidney-transplant", "transplant", "leukaemia"}


def test_protocols_speak_of_known_indications() -> None:
    named = {name for one in library.protocols().values() for name in one.indications}
    for one in library.protocols().values():
        for clock in one.clocks:
            named |= {name for part in (clock, *clock.phases) for name in part.when.indications}
    assert named <= indications.indications().keys()
