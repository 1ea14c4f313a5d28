"""Closed days: what is due on one is told for an open day, and reminded of earlier, in the same order."""

import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schedules import closed_days, ladder
from schedules.closed_days import ClosedDays
from schedules.facts import Item
from schedules.ladder import Hours

WEEKEND = ClosedDays(frozenset({6, 7}))
CHRISTMAS = ClosedDays(frozenset({6, 7}), frozenset({date(2026, 12, 25), date(2026, 12, 28)}))
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)


def an_item(due: date, *, early: int = 7, grace: int = 7, **changes: Any) -> Item:
    values = {
        "clock": "blood", "kind": "test", "ordinal": 1, "phase": 0, "base": due - timedelta(days=28),
        "due_on": due, "opens_on": due - timedelta(days=early), "last_on_time": due + timedelta(days=grace),
        "lapses_on": due + timedelta(days=grace + 7), "ladder": "standard", "why": "",
    }  # fmt: skip
    return Item(**(values | changes))


def rungs(item: Item, closed: ClosedDays, track: Any = "patient", count: int = 5) -> list[tuple[str, date]]:
    hours = Hours(zone=ZoneInfo("Europe/London"), closed=closed)
    found = ladder.steps(item, track, hours=hours, begins=BEGINS)
    return [(step.name, step.day) for step in itertools.islice(found, count)]


@pytest.mark.parametrize(
    ("due", "today", "day"),
    [
        (date(2026, 12, 24), date(2026, 12, 1), date(2026, 12, 24)),  # open
        (date(2026, 12, 27), date(2026, 12, 1), date(2026, 12, 24)),  # a Sunday after a holiday
        (date(2026, 12, 27), date(2026, 12, 24), date(2026, 12, 24)),  # the last chance
        (date(2026, 12, 27), date(2026, 12, 26), date(2026, 12, 29)),  # it is over: the next one, in time
        (date(2026, 12, 26), date(2026, 12, 27), date(2026, 12, 29)),  # past its day, not past its grace
        (date(2026, 12, 27), date(2027, 1, 4), date(2026, 12, 27)),  # overdue: what was
    ],
)
def test_the_day_that_is_told_is_one_on_which_the_patient_can_come(due: date, today: date, day: date) -> None:
    assert closed_days.told(CHRISTMAS, an_item(due), today) == day


def test_without_an_open_day_in_time_the_due_day_is_told() -> None:
    due, shut = date(2026, 6, 6), ClosedDays(frozenset({1, 2, 4, 5, 6, 7}))
    near = an_item(due, early=1, grace=1)
    assert closed_days.told(shut, near, date(2026, 6, 1)) == due
    assert rungs(near, shut) == rungs(near, closed_days.NEVER)


def test_the_search_for_an_open_day_ends_with_the_calendar() -> None:
    fridays = ClosedDays(frozenset({5}))
    assert date.max.isoweekday() == 5
    assert fridays.next_open(date.max) == date.max
    assert ClosedDays(frozenset({1})).last_open(date.min, since=date.min) is None


def test_what_is_answered_at_home_knows_no_closed_days() -> None:
    asked = an_item(date(2026, 12, 26), kind="check-in", ladder="check-in")
    assert closed_days.told(CHRISTMAS, asked, date(2026, 12, 1)) == date(2026, 12, 26)
    assert rungs(asked, CHRISTMAS) == rungs(asked, closed_days.NEVER)


def test_reminders_up_to_a_closed_due_day_come_earlier_and_the_later_ones_stay() -> None:
    item = an_item(date(2026, 12, 27), early=14)
    assert rungs(item, CHRISTMAS) == [
        ("week-before", date(2026, 12, 17)),  # the last open day is three days before the due day
        ("day-before", date(2026, 12, 23)),
        ("after-due", date(2026, 12, 30)),
        ("overdue", date(2027, 1, 4)),
        ("overdue-week", date(2027, 1, 11)),
    ]
    assert rungs(item, CHRISTMAS, "coordinator") == rungs(item, closed_days.NEVER, "coordinator")


def test_a_booked_visit_is_reminded_of_from_its_own_day() -> None:
    at = datetime(2026, 12, 24, 9)  # noqa: DTZ001
    booked = an_item(date(2026, 12, 27), kind="visit", ladder="appointment", appointment=at)
    assert rungs(booked, CHRISTMAS) == rungs(booked, closed_days.NEVER)


@given(
    shut=st.builds(
        ClosedDays,
        st.frozensets(st.integers(1, 7), max_size=6),
        st.frozensets(st.dates(date(2026, 5, 1), date(2026, 7, 1)), max_size=40),
    ),
    early=st.integers(0, 28),
    grace=st.integers(0, 14),
    ladder_id=st.sampled_from(["standard", "short", "dose"]),
    today=st.dates(date(2026, 5, 1), date(2026, 7, 1)),
)
def test_closed_days_make_no_reminder_later_none_fewer_and_change_no_order(
    shut: ClosedDays, early: int, grace: int, ladder_id: str, today: date
) -> None:
    item = an_item(date(2026, 6, 6), early=early, grace=grace, ladder=ladder_id)
    plain, found = rungs(item, closed_days.NEVER, count=8), rungs(item, shut, count=8)
    assert [name for name, _ in found] == [name for name, _ in plain]
    assert all(day <= was for (_, day), (_, was) in zip(found, plain, strict=True))
    assert [day for _, day in found] == sorted(day for _, day in found)
    told = closed_days.told(shut, item, today)
    assert told == item.due_on or (not shut.has(told) and told <= item.last_on_time)
    assert told == item.due_on or told >= min(today, item.opens_on)
