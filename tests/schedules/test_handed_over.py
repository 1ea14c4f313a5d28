"""A course that was handed over: the same days as if it never had been, counted from the hand-over on."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from schedules import library
from schedules import plan as planning
from schedules.facts import Class, Course, Draw, Event, EventType, Item

START, TODAY = date(2025, 1, 6), date(2026, 3, 2)
EVENTS = (
    Event(on=date(2025, 2, 14), type=EventType.DOSE_INCREASE),
    Event(on=date(2025, 6, 2), type=EventType.HOLD, reason="planned", review_on=date(2025, 6, 20)),
    Event(on=date(2025, 6, 16), type=EventType.RESUME),
)


def draws(course: Course, every: int) -> list[Draw]:
    """A complete panel every so many days for nine months."""
    names = frozenset(name for clock in course.protocol.clocks for name in clock.components)
    return [Draw(on=START + timedelta(days=day), components=names) for day in range(3, 270, every)]


def items(course: Course, every: int) -> list[Item]:
    known = draws(course, every) if every else []
    return list(planning.plan(course, EVENTS, known, today=TODAY).items)


def day(item: Item) -> tuple[object, ...]:
    return item.clock, item.ordinal, item.phase, item.due_on, item.last_on_time, item.lapses_on, item.held


@pytest.mark.parametrize("every", [0, 9, 31])
@pytest.mark.parametrize("late", [None, date(2025, 3, 1)])
def test_every_protocol_asks_the_same_days_of_a_course_that_was_handed_over(
    every: int, late: date | None
) -> None:
    """Also when the first clinic had enrolled it late, or no test of it was known."""
    for protocol in library.protocols().values():
        course = Course(protocol=protocol, start=START, enrolled=late)
        taken = replace(course, enrolled=date(2025, 8, 1), monitored_since=late or START)
        before, after = items(course, every), items(taken, every)
        assert [day(item) for item in after] == [day(item) for item in before], protocol.id
        for was, item in zip(before, after, strict=True):
            ours = item.closed_on is None or item.closed_on >= date(2025, 8, 1)
            assert ours or item.class_ is Class.NOT_MONITORED_HERE
            assert not ours or item.class_ is was.class_
