"""A course that changes its protocol version on a day: what it was stays, what it is goes on from there."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from schedules import pairs, protocol
from schedules.facts import Class, Course, Draw, Event, EventType, Former, Plan
from schedules.pairs import Beside
from schedules.plan import plan
from schedules.protocol import Protocol
from tests.schedules.test_protocol import file

START, MOVED, TODAY = date(2026, 1, 5), date(2026, 4, 1), date(2026, 4, 20)
COUNT = frozenset({"wbc", "anc", "plt", "hb"})


def every(rhythm: str, version: int = 1, **more: Any) -> Protocol:
    clocks = [{"id": "count", "kind": "test", "panel": ["cbc"], "phases": [{"every": rhythm}]}]
    return protocol.build(file(version=version, clocks=clocks + more.pop("clocks", []), **more))


OLD, NEW = every("P4W"), every("P2W", 2)


def moved(old: Protocol = OLD, new: Protocol = NEW, on: date = MOVED) -> Course:
    former = Former(protocol=old, flags=frozenset(), until=on)
    return Course(protocol=new, start=START, earlier=(former,))


def draws(*days: date) -> list[Draw]:
    return [Draw(on=day, components=COUNT) for day in days]


def planned(course: Course, tests: Iterable[Draw], events: Iterable[Event] = (), today: date = TODAY) -> Plan:
    return plan(course, events, tests, today=today)


FOUR_WEEKLY = draws(date(2026, 2, 2), date(2026, 3, 2), date(2026, 3, 30))


def test_what_was_closed_before_the_move_stays_as_the_old_version_gave_it() -> None:
    before = planned(replace(moved(), protocol=OLD, earlier=()), FOUR_WEEKLY)
    after = planned(moved(), FOUR_WEEKLY)
    assert after.items[:3] == before.items[:3]
    assert [item.class_ for item in after.items[:3]] == [Class.ON_TIME] * 3
    assert [item.ordinal for item in after.items] == [1, 2, 3, 4]
    assert (before.items[3].due_on, after.items[3].due_on) == (date(2026, 4, 27), date(2026, 4, 13))


def test_before_the_day_of_the_move_the_old_version_governs() -> None:
    eve = MOVED - timedelta(days=1)
    old = planned(replace(moved(), protocol=OLD, earlier=()), FOUR_WEEKLY, today=eve)
    new = planned(moved(), FOUR_WEEKLY, today=eve)
    assert new.items == old.items
    assert new.changes_on == MOVED


def test_after_the_move_the_new_rhythm_goes_on() -> None:
    found = planned(moved(), [*FOUR_WEEKLY, *draws(date(2026, 4, 13))])
    assert [item.due_on for item in found.items[3:]] == [date(2026, 4, 13), date(2026, 4, 27)]
    assert found.items[3].class_ is Class.ON_TIME
    assert "version 2" in found.items[3].why


def test_the_order_in_which_facts_were_entered_does_not_matter() -> None:
    tests = [*FOUR_WEEKLY, *draws(date(2026, 4, 13))]
    assert planned(moved(), tests) == planned(moved(), tests[::-1])


def test_a_duty_that_the_new_version_ends_is_ended_and_one_that_it_brings_is_due_no_earlier() -> None:
    visit = {"id": "visit", "kind": "visit", "phases": [{"every": "P4W"}]}
    with_visit = every("P4W", clocks=[visit])
    gone = planned(moved(with_visit, NEW), FOUR_WEEKLY)
    [item] = [item for item in gone.items if item.clock == "visit"]
    assert (item.class_, item.closed_on) == (Class.ENDED, MOVED)
    begun = planned(moved(OLD, every("P4W", 2, clocks=[visit])), FOUR_WEEKLY)
    [item] = [item for item in begun.items if item.clock == "visit"]
    assert (item.class_, item.due_on, item.ordinal) == (None, MOVED, 1)


def test_events_that_name_a_clock_of_the_old_version_are_no_contradiction() -> None:
    renamed = protocol.build(file(version=2, clocks=[
        {"id": "blood", "kind": "test", "panel": ["cbc"], "phases": [{"every": "P2W"}]},
        {"id": "liver", "kind": "test", "panel": ["alt"], "phases": [{"every": "P2W"}]},
    ]))  # fmt: skip
    events = [
        Event(on=date(2026, 1, 20), type=EventType.OVERRIDE, clock="count", due_on=date(2026, 1, 26)),
        Event(on=date(2026, 2, 10), type=EventType.WAIVED),
    ]
    found = planned(moved(OLD, renamed), FOUR_WEEKLY, events)
    assert {item.clock for item in found.open_items} == {"blood", "liver"}
    assert found.items[0].due_on == date(2026, 1, 26)
    with pytest.raises(ValueError, match="no such clock"):
        planned(moved(OLD, renamed), [], [replace(events[0], clock="cuont")])


def test_what_the_new_rules_would_have_asked_long_ago_is_not_asked_now() -> None:
    asking = protocol.build(file(version=2, clocks=[
        {"id": "count", "kind": "test", "panel": ["cbc"], "on_dose_increase": "ask",
         "phases": [{"every": "P2W"}]},
    ]))  # fmt: skip
    long_ago = Event(on=date(2026, 2, 1), type=EventType.DOSE_INCREASE)
    now = replace(long_ago, on=date(2026, 4, 10))
    assert planned(moved(OLD, asking), FOUR_WEEKLY, [long_ago]).needs == ()
    [need] = planned(moved(OLD, asking), FOUR_WEEKLY, [long_ago, now]).needs
    assert (need.kind, need.on, need.ordinal) == ("set-interval", now.on, 4)


def test_two_moves_one_after_the_other() -> None:
    course = moved()
    third = Former(protocol=NEW, flags=frozenset(), until=date(2026, 4, 15))
    twice = replace(course, protocol=every("P1W", 3), earlier=(*course.earlier, third))
    found = planned(twice, [*FOUR_WEEKLY, *draws(date(2026, 4, 13))])
    assert [item.due_on for item in found.items[3:]] == [date(2026, 4, 13), date(2026, 4, 20)]
    assert [item.ordinal for item in found.items] == [1, 2, 3, 4, 5]


def test_a_stop_after_the_move_ends_everything() -> None:
    found = planned(moved(), FOUR_WEEKLY, [Event(on=date(2026, 4, 10), type=EventType.STOP)])
    assert found.open_items == ()
    assert (found.items[3].class_, found.status) == (Class.ENDED, "ended")


# ---- the flag of a pair


def test_the_days_on_which_the_other_medicine_sets_and_unsets_its_flag() -> None:
    beside = [
        Beside(medicine="leflunomide", start=date(2026, 2, 1), end=date(2026, 5, 1)),
        Beside(medicine="azathioprine", start=date(2026, 1, 1)),
    ]
    assert pairs.changes(beside) == {
        date(2026, 2, 1): frozenset({"with-leflunomide"}),
        date(2026, 5, 1): frozenset(),
    }
    again = [beside[0], Beside(medicine="leflunomide", start=date(2026, 4, 1))]
    assert set(pairs.changes(again).values()) == {frozenset({"with-leflunomide"})}
