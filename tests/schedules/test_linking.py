"""A booked visit makes its test due so long before, and never later than the protocol says."""

from datetime import date, datetime
from typing import Any

import pytest

from schedules import protocol
from schedules.facts import Course, Draw, Event, EventType, Item
from schedules.plan import plan
from tests.schedules.test_protocol import file

START, TODAY = date(2026, 1, 5), date(2026, 1, 20)
VISIT = {"id": "visit", "kind": "visit", "phases": [{"every": "P3M"}],
         "test_before": {"clock": "count", "by": "P7D"}}  # fmt: skip
COUNT: dict[str, Any] = {"id": "count", "kind": "test", "panel": ["cbc"], "phases": [{"every": "P3M"}]}
COURSE = Course(protocol=protocol.build(file(clocks=[COUNT, VISIT])), start=START)


def booked(on: date, day: date) -> Event:
    return Event(on=on, type=EventType.BOOKED, at=datetime.combine(day, datetime.min.time()), clock="visit")


def due_test(*events: Event, drawn: date | None = None, today: date = TODAY) -> Item:
    draws = [] if drawn is None else [Draw(on=drawn, components=frozenset({"wbc", "anc", "plt", "hb"}))]
    [found] = [one for one in plan(COURSE, events, draws, today=today).open_items if one.clock == "count"]
    return found


BOOKED = booked(date(2026, 1, 12), date(2026, 3, 10))


def test_the_test_is_due_so_many_days_before_the_booked_visit() -> None:
    assert due_test().due_on == date(2026, 4, 5)
    found = due_test(BOOKED)
    assert found.due_on == date(2026, 3, 3)
    assert found.why.startswith("due on 2026-03-03, before a booked visit")


def test_it_is_never_later_than_the_protocol_says() -> None:
    assert due_test(booked(date(2026, 1, 12), date(2026, 6, 1))).due_on == date(2026, 4, 5)


def test_booked_too_late_for_that_it_is_due_on_the_day_of_the_booking() -> None:
    late = booked(date(2026, 2, 10), date(2026, 2, 12))
    assert due_test(late, today=date(2026, 2, 10)).due_on == date(2026, 2, 10)


@pytest.mark.parametrize("kind", [EventType.CANCELLED, EventType.NOT_ATTENDED])
def test_without_the_visit_it_goes_back_to_its_own_day(kind: EventType) -> None:
    gone = Event(on=date(2026, 1, 15), type=kind, clock="visit")
    assert due_test(BOOKED, gone).due_on == date(2026, 4, 5)
    assert "before a booked visit" not in due_test(BOOKED, gone).why


def test_a_moved_visit_moves_its_test() -> None:
    moved = booked(date(2026, 1, 15), date(2026, 3, 20))
    assert due_test(BOOKED, moved).due_on == date(2026, 3, 13)


def test_a_test_shortly_before_that_day_serves_the_visit_and_an_older_one_does_not() -> None:
    later = date(2026, 3, 1)
    assert due_test(BOOKED, drawn=date(2026, 3, 1), today=later).due_on == date(2026, 6, 1)
    assert due_test(BOOKED, drawn=None, today=later).due_on == date(2026, 3, 3)


def test_the_next_item_is_asked_before_a_visit_that_is_booked_already() -> None:
    far = booked(date(2026, 2, 1), date(2026, 6, 10))
    found = due_test(far, drawn=date(2026, 3, 20), today=date(2026, 3, 21))
    assert (found.ordinal, found.due_on) == (2, date(2026, 6, 3))


def test_the_order_in_which_facts_were_entered_does_not_matter() -> None:
    gone = Event(on=date(2026, 1, 15), type=EventType.CANCELLED, clock="visit")
    again = booked(date(2026, 1, 16), date(2026, 3, 3))
    events = [BOOKED, gone, again]
    assert due_test(*events) == due_test(*events[::-1])
    assert due_test(*events).due_on == date(2026, 2, 24)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"test_before": {"clock": "nothing", "by": "P7D"}}, "there is no test clock of this id"),
        ({"test_before": {"clock": "visit", "by": "P7D"}}, "there is no test clock of this id"),
        ({"test_before": {"clock": "count"}}, "by: is missing"),
        ({"test_before": {"clock": "count", "by": "P0D"}}, "longer than nothing"),
        ({"kind": "check-in"}, "only a visit clock has a test before it"),
    ],
)
def test_a_link_that_cannot_be_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(protocol.ProtocolError, match=said):
        protocol.build(file(clocks=[COUNT, VISIT | changes]))


def test_a_day_that_was_set_since_the_booking_stays_when_the_visit_goes() -> None:
    set_ = {"clock": "count", "due_on": date(2026, 2, 20), "review_on": date(2026, 4, 1), "reason": "asked"}
    moved = Event(on=date(2026, 1, 14), type=EventType.OVERRIDE, decided_by="Dr Lund", **set_)
    gone = Event(on=date(2026, 1, 15), type=EventType.CANCELLED, clock="visit")
    assert due_test(BOOKED, moved, gone).due_on == date(2026, 2, 20)
