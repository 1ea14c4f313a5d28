"""Who stands on which rung at which moment, what is left open, and how an alarm goes up."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from schedules import rota
from schedules.rota import RUNGS, STEP, Gap, Rung, Shift

NEW_YORK = ZoneInfo("America/New_York")
MONDAY = datetime(2026, 1, 5, 5, tzinfo=UTC)  # midnight there
WEEK = MONDAY + timedelta(days=7)
HOUR = timedelta(hours=1)


def found(*shifts: Shift, rung: Rung = "first", begin: datetime = MONDAY, end: datetime = WEEK) -> list[Gap]:
    return [gap for gap in rota.gaps(shifts, NEW_YORK, begin, end) if gap.rung == rung]


def test_a_rung_that_is_never_manned_is_one_gap() -> None:
    assert rota.gaps([], NEW_YORK, MONDAY, WEEK) == [Gap(rung, MONDAY, WEEK) for rung in RUNGS]


def test_whole_days_of_every_rung_leave_nothing_open() -> None:
    assert rota.gaps([Shift(rung) for rung in RUNGS], NEW_YORK, MONDAY, WEEK) == []


def test_office_hours_leave_the_nights_and_the_weekend_open() -> None:
    gaps = found(Shift("first", time(8), time(18), (1, 2, 3, 4, 5)))
    assert gaps[0] == Gap("first", MONDAY, MONDAY + 8 * HOUR)
    assert gaps[-1] == Gap("first", WEEK - 54 * HOUR, WEEK)
    assert len(gaps) == 6


def test_a_night_that_began_the_day_before_covers_the_morning() -> None:
    gaps = found(Shift("first", time(18), time(8)))
    assert gaps[0] == Gap("first", MONDAY + 8 * HOUR, MONDAY + 18 * HOUR)
    assert len(gaps) == 7


def test_shifts_that_overlap_or_meet_leave_nothing_open() -> None:
    day, night, also = (Shift("first", *map(time, hours)) for hours in ((8, 18), (18, 8), (7, 19)))
    assert found(day, night) == found(day, night, also) == []


@pytest.mark.parametrize(("day", "hours"), [(8, 23), (1, 25)])
def test_a_whole_day_is_whole_where_clocks_change(day: int, hours: int) -> None:
    begin = datetime(2026, 3 if day == 8 else 11, day, tzinfo=NEW_YORK).astimezone(UTC)
    [span] = rota.spans(Shift("first", weekdays=(7,)), NEW_YORK, begin, begin + HOUR)
    assert span == (begin, begin + hours * HOUR)


def test_a_shift_is_on_from_its_first_moment_to_before_its_last() -> None:
    shift, begins = Shift("first", time(8), time(18), (1,)), MONDAY + 8 * HOUR
    moments = (begins - timedelta.resolution, begins, begins + 10 * HOUR - timedelta.resolution)
    assert [rota.is_on(shift, NEW_YORK, at) for at in moments] == [False, True, True]
    assert not rota.is_on(shift, NEW_YORK, begins + 10 * HOUR)
    assert not rota.is_on(shift, NEW_YORK, begins + 24 * HOUR)


@pytest.mark.parametrize(
    ("manned", "minutes"),
    [
        (RUNGS, (0, 10, 20, 30)),
        (("second", "third", "line"), (0, 0, 10, 20)),
        (("first", "third"), (0, 10, 10, 20)),
        (("line",), (0, 0, 0, 0)),
        ((), (0, 0, 0, 0)),
    ],
)
def test_an_alarm_goes_up_every_ten_minutes_and_past_an_empty_rung_at_once(
    manned: tuple[Rung, ...], minutes: tuple[int, ...]
) -> None:
    reached = rota.climb(manned, MONDAY)
    assert [rung for rung, _ in reached] == list(RUNGS)
    assert [(at - MONDAY) / STEP * 10 for _, at in reached] == list(minutes)


@pytest.mark.parametrize(("hours", "last"), [(0.0, 0.0), (0.4, 0.0), (0.5, 0.5), (1.9, 1.5)])
def test_what_stands_on_the_last_rung_is_told_to_all_every_half_hour(hours: float, last: float) -> None:
    assert rota.loud(MONDAY, MONDAY + hours * HOUR) == MONDAY + last * HOUR
