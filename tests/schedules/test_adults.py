"""The packaged limits are adult: who is judged by them, and who by a clinic's own protocol alone."""

from datetime import date

import pytest

from schedules import adults, library, protocol
from tests.schedules.test_protocol import file

PACKAGED = library.protocol("azathioprine-bsr-2017")
OWN = protocol.build(file(id="our-own", adults_only=False))
OWN_ADULT = protocol.build(file(id="our-adults", adults_only=True))
BORN = date(2008, 3, 9)
CHILD, ADULT = date(2026, 3, 8), date(2026, 3, 9)


@pytest.mark.parametrize(
    ("which", "own", "indication", "on", "judged"),
    [
        (PACKAGED, False, "crohns-disease", ADULT, True),
        (PACKAGED, False, None, ADULT, True),
        (PACKAGED, False, "crohns-disease", CHILD, False),
        (PACKAGED, False, "leukaemia", ADULT, False),
        (PACKAGED, False, "kidney-transplant", ADULT, False),
        (PACKAGED, False, "heart-transplant", ADULT, False),
        (PACKAGED, False, "acute-lymphoblastic-leukemia", ADULT, False),
        (PACKAGED, False, "lymphoma", ADULT, True),
        (OWN, True, "leukaemia", CHILD, True),
        (OWN, True, "transplant", ADULT, True),
        (OWN_ADULT, True, "leukaemia", CHILD, False),
        (OWN_ADULT, True, "leukaemia", ADULT, True),
    ],
)
def test_limits_judge_only_whom_they_are_written_for(
    which: protocol.Protocol, own: bool, indication: str | None, on: date, judged: bool
) -> None:
    assert adults.judged_by(which, BORN, indication, on, own) is judged


@pytest.mark.parametrize(
    ("born", "first_day"),
    [(date(2008, 3, 9), date(2026, 3, 9)), (date(2008, 2, 29), date(2026, 2, 28))],
)
def test_the_eighteenth_birthday_is_the_first_day_of_an_adult(born: date, first_day: date) -> None:
    assert adults.is_adult(born, first_day)
    assert not adults.is_adult(born, date.fromordinal(first_day.toordinal() - 1))
