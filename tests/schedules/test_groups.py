"""What adherence is told apart by."""

from datetime import date

import pytest

from schedules import groups
from schedules.adherence import Period


@pytest.mark.parametrize(
    ("on", "born"),
    [
        (date(2026, 11, 22), date(2008, 11, 22)),
        (date(2028, 2, 29), date(2010, 2, 28)),
        (date(2028, 2, 28), date(2010, 2, 28)),
        (date(2026, 2, 28), date(2008, 2, 29)),
        (date(2100, 2, 28), date(2082, 2, 28)),
    ],
)
def test_the_latest_day_of_birth_of_who_is_eighteen(on: date, born: date) -> None:
    assert groups.born_by(on, 18) == born


@pytest.mark.parametrize(
    ("birth_date", "band"),
    [
        (date(2008, 11, 22), "18–39"),
        (date(2008, 11, 23), "0–17"),
        (date(1986, 11, 22), "40–64"),
        (date(1961, 11, 22), "65–74"),
        (date(1951, 11, 22), "75 and over"),
        (date(1901, 1, 1), "75 and over"),
    ],
)
def test_a_patient_belongs_to_the_band_of_the_age_in_whole_years(birth_date: date, band: str) -> None:
    assert groups.age_band(birth_date, date(2026, 11, 22)) == band


def test_a_periods_months_are_whole_but_for_the_first_and_the_last() -> None:
    assert groups.months(Period(date(2026, 1, 31), date(2026, 3, 5))) == {
        "2026-01": Period(date(2026, 1, 31), date(2026, 1, 31)),
        "2026-02": Period(date(2026, 2, 1), date(2026, 2, 28)),
        "2026-03": Period(date(2026, 3, 1), date(2026, 3, 5)),
    }
