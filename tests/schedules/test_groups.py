"""What adherence is told apart by."""

from datetime import date

import pytest

from schedules import groups


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
