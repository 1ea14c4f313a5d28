"""H25: a day is the same day everywhere, for dates meet their zone last."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules import days
from schedules.days import QuietHours

DAYS = [date(2026, 1, 1), date(2026, 2, 28), date(2026, 3, 29), date(2026, 7, 1), date(2026, 12, 31)]
HOURS = [time(0), time(8), days.DEFAULT_TIME, time(20, 59), time(23, 59)]


def one_zone_of_each_offset() -> dict[timedelta, ZoneInfo]:
    """By its offset from UTC at the turn of 2026 or in its July."""
    found: dict[timedelta, ZoneInfo] = {}
    for where in map(days.zone, sorted(days.zone_names())):
        for moment in (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC)):
            offset = moment.astimezone(where).utcoffset()
            assert offset is not None
            found.setdefault(offset, where)
    return found


OFFSETS = one_zone_of_each_offset()


def test_H25_there_are_offsets_of_quarters_and_on_both_sides_of_the_date_line() -> None:
    assert len(OFFSETS) >= 37
    hours = {offset.total_seconds() / 3600 for offset in OFFSETS}
    assert {-11.0, -9.5, -3.5, 0.0, 5.75, 12.75, 13.0, 13.75, 14.0} <= hours


@pytest.mark.parametrize("where", OFFSETS.values(), ids=str)
def test_H25_what_is_planned_for_a_day_is_sent_on_that_day_there(where: ZoneInfo) -> None:
    for day in DAYS:
        for at in HOURS:
            moment = days.instant(day, at, where)
            assert days.local_day(moment, where) == day
            assert moment.astimezone(where).time() >= at


@pytest.mark.parametrize("where", OFFSETS.values(), ids=str)
def test_H25_quiet_hours_that_a_day_time_is_outside_of_never_change_its_day(where: ZoneInfo) -> None:
    for day in DAYS:
        for quiet in (days.DEFAULT_QUIET_HOURS, QuietHours(time(0), time(8)), QuietHours(time(21), time(0))):
            sent = days.sending_time(day, days.DEFAULT_TIME, where, quiet)
            assert days.local_day(sent, where) == day


def test_H25_a_time_of_sending_is_by_default_in_the_morning_and_never_midnight() -> None:
    assert time(9) == days.DEFAULT_TIME
