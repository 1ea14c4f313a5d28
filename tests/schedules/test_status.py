"""What a prescriber asks before a repeat is issued."""

from datetime import date

import pytest

from schedules import status
from schedules.facts import Event, EventType, State, Status


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ([], Status.IN_DATE),
        ([State.UPCOMING], Status.IN_DATE),
        ([State.UPCOMING, State.DUE], Status.DUE),
        ([State.OVERDUE, State.DUE], Status.OVERDUE),
        ([State.LAPSED, State.HELD, State.OVERDUE], Status.HELD),
    ],
)
def test_the_worst_of_the_open_items_is_the_courses(states: list[State], worst: Status) -> None:
    assert status.worst(states) is worst


@pytest.mark.parametrize(
    ("events", "held"),
    [
        ([], False),
        ([(3, EventType.HOLD)], True),
        ([(3, EventType.HOLD), (9, EventType.RESUME)], False),
        ([(9, EventType.HOLD), (9, EventType.RESUME)], True),  # of one day the resume comes first
        ([(3, EventType.HOLD), (9, EventType.DOSE_INCREASE)], True),
    ],
)
def test_a_course_is_on_hold_from_its_last_word(events: list[tuple[int, EventType]], held: bool) -> None:
    assert status.on_hold(Event(type=type_, on=date(2026, 3, day)) for day, type_ in events) is held
