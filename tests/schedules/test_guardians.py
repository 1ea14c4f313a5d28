"""Nobody is told for a child on a day on which the child is an adult: every birthday, and leap days."""

from datetime import date, timedelta

import pytest

from schedules import guardians
from schedules.days import shift


@pytest.mark.parametrize("year", [2004, 2007, 2008, 2010])
def test_H56_on_every_birthday_the_access_ends_that_day(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        birthday = guardians.adult_on(day)
        assert (birthday.year, birthday.month) == (year + 18, day.month)
        leap = (day.month, day.day) == (2, 29)
        assert birthday.day == (28 if leap and (year + 18) % 4 else day.day)
        before, on, after = (shift(birthday, count) for count in (-1, 0, 1))
        assert guardians.ends_on(day, before) == birthday
        assert guardians.ends_on(day, on) is None, "agreed by an adult"
        assert guardians.ends_on(day, after) is None
        assert birthday - guardians.notice_on(birthday) == timedelta(days=90)
        day = shift(day, 1)


def test_a_stated_end_counts_where_it_is_earlier() -> None:
    born, given = date(2010, 5, 5), date(2020, 1, 1)
    assert guardians.ends_on(born, given, date(2026, 3, 3)) == date(2026, 3, 3)
    assert guardians.ends_on(born, given, date(2030, 3, 3)) == date(2028, 5, 5)
    assert guardians.ends_on(date(1950, 1, 1), given, date(2026, 3, 3)) == date(2026, 3, 3)
    assert guardians.ends_on(date(1950, 1, 1), given) is None
