"""Ladders, the guard and its reasons."""

import itertools
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from schedules import guard, ladder
from schedules.days import QuietHours
from schedules.facts import Item
from schedules.guard import Situation, Verdict
from schedules.ladder import Hours, Ladder, staff_hours

ZONE = ZoneInfo("Europe/London")
HOURS = Hours(zone=ZONE)
NOON = datetime(2026, 6, 1, 11, tzinfo=UTC)


def an_item(**changes: Any) -> Item:
    values = {
        "clock": "blood", "kind": "test", "ordinal": 1, "phase": 0, "base": date(2026, 5, 1),
        "due_on": date(2026, 6, 1), "opens_on": date(2026, 5, 24), "last_on_time": date(2026, 6, 8),
        "lapses_on": date(2026, 6, 15), "ladder": "standard", "why": "",
    }  # fmt: skip
    return Item(**(values | changes))


def names(item: Item, track: Any, count: int = 12) -> list[tuple[str, str]]:
    begins = datetime(2026, 1, 1, tzinfo=UTC)
    found = ladder.steps(item, track, hours=HOURS, begins=begins)
    return [(step.name, step.day.isoformat()) for step in itertools.islice(found, count)]


def test_a_carers_copies_follow_the_patients() -> None:
    assert names(an_item(), "carer") == names(an_item(), "patient")
    assert names(an_item(), "carer", 2) == [("week-before", "2026-05-25"), ("day-before", "2026-05-31")]


def test_an_appointment_has_its_own_ladder_from_its_own_day() -> None:
    booked = an_item(kind="visit", ladder="appointment", appointment=datetime(2026, 6, 20, 15, 30))  # noqa: DTZ001
    assert names(booked, "patient") == [("appointment-week", "2026-06-13"), ("appointment-day", "2026-06-19")]
    assert names(booked, "coordinator") == [("outcome-not-recorded", "2026-06-21")]


def test_a_visit_that_is_not_booked_is_counted_from_its_due_day() -> None:
    assert names(an_item(kind="visit", ladder="appointment"), "coordinator") == [
        ("outcome-not-recorded", "2026-06-02")
    ]


def test_a_track_of_few_rungs_ends() -> None:
    booked = an_item(ladder="appointment")
    assert ladder.next_rung(booked, "patient", hours=HOURS, begins=NOON, after=2) is None


def test_a_repeat_ends_with_the_calendar() -> None:
    last = an_item(due_on=date(9999, 12, 1), last_on_time=date(9999, 12, 8), lapses_on=date(9999, 12, 15))
    found = ladder.steps(last, "coordinator", hours=HOURS, begins=NOON)
    assert [step.day.day for step in found] == [9, 16, 23, 30]


RULES: dict[str, tuple[dict[str, Any], Verdict, str]] = {
    "may go": ({}, Verdict.SEND, "sent"),
    "gone": ({"gone": "died"}, Verdict.WITHDRAW, "died"),
    "closed": ({"closed": True}, Verdict.WITHDRAW, "closed"),
    "older": ({"older_version": True}, Verdict.WITHDRAW, "older version"),
    "held": ({"held": True}, Verdict.WAIT, "on hold"),
    "paused": ({"paused": "by Dana Reyes"}, Verdict.WAIT, "by Dana Reyes"),
    "pause over": ({"paused": "72 h", "paused_until": NOON}, Verdict.SEND, "sent"),
    "pause not over": ({"paused": "72 h", "paused_until": NOON + timedelta(seconds=1)}, Verdict.WAIT, "72 h"),
    "useless": ({"expires_at": NOON}, Verdict.EXPIRE, "it can no longer help"),
    "useful to the end": ({"expires_at": NOON + timedelta(seconds=1)}, Verdict.SEND, "sent"),
    "nowhere to go": ({"reachable": False}, Verdict.SUPPRESS, "no reachable contact with consent"),
    "staff need no contact": ({"reachable": False, "people": False}, Verdict.SEND, "sent"),
    "nobody to call": ({"callable": False}, Verdict.WAIT, "clinic cannot be called"),
    "staff need not call": ({"callable": False, "people": False}, Verdict.SEND, "sent"),
    "nobody to call, nowhere to go": (
        {"callable": False, "reachable": False},
        Verdict.SUPPRESS,
        "no reachable contact with consent",
    ),
    "night": ({"now": NOON.replace(hour=20)}, Verdict.WAIT, "quiet hours"),
    "staff at night": ({"now": NOON.replace(hour=20), "people": False}, Verdict.SEND, "sent"),
    "an answer at night": ({"now": NOON.replace(hour=20), "answers_patient": True}, Verdict.SEND, "sent"),
    "the dead are told nothing, held or not": ({"gone": "died", "held": True}, Verdict.WITHDRAW, "died"),
    "held before suppressed": ({"held": True, "reachable": False}, Verdict.WAIT, "on hold"),
}


@pytest.mark.parametrize("name", RULES)
def test_the_guard_decides_and_says_why(name: str) -> None:
    changes, verdict, reason = RULES[name]
    decision = guard.decide(Situation(**({"now": NOON, "people": True, "hours": HOURS} | changes)))
    assert (decision.verdict, decision.reason) == (verdict, reason)


def test_the_guard_names_every_rule_it_looked_at_and_when_to_look_again() -> None:
    whole = guard.decide(Situation(now=NOON, people=True, hours=HOURS))
    assert whole.looked_at == tuple(rule for rule, _ in guard.RULES)
    night = guard.decide(Situation(now=datetime(2026, 6, 1, 20, tzinfo=UTC), people=True, hours=HOURS))
    assert night.again_at == datetime(2026, 6, 2, 7, tzinfo=UTC)
    nine = datetime(2026, 6, 1, 8, tzinfo=UTC)
    silent = guard.decide(Situation(now=nine, people=True, hours=HOURS, callable=False))
    assert silent.again_at == nine + timedelta(1)
    assert guard.decide(Situation(now=NOON, people=True, hours=HOURS, closed=True)).looked_at == (
        "alive and here",
        "item open",
    )


def test_a_preferred_time_inside_the_quiet_hours_is_refused() -> None:
    with pytest.raises(ValueError, match="preferred time is inside the quiet hours"):
        Hours(zone=ZONE, at=time(21))
    assert Hours(zone=ZONE, at=time(8)).of(date(2026, 6, 1)) == datetime(2026, 6, 1, 7, tzinfo=UTC)
    assert Hours(zone=ZONE, at=time(3), quiet=QuietHours(time(12), time(13))).at == time(3)


def test_the_next_sending_time_may_be_this_very_moment() -> None:
    nine = datetime(2026, 6, 1, 8, tzinfo=UTC)
    assert staff_hours(ZONE).next_from(nine) == nine
    assert staff_hours(ZONE).next_from(nine + timedelta(seconds=1)) == nine + timedelta(days=1)


@pytest.mark.parametrize(
    "rung",
    [
        {"track": "patient", "name": "a", "at": "due", "effect": "work-item"},
        {"track": "patient", "name": "a", "at": "due", "effect": "message", "kind": "overdue"},
        {"track": "patient", "name": "a", "at": "due", "effect": "message", "shift": 3.5},
        {"track": "patient", "name": "a", "at": "due", "effect": "message", "shift": "P1H"},
        {"track": "patient", "name": "a", "at": "due", "effect": "message", "repeat": "P0D"},
        {"track": "nobody", "name": "a", "at": "due", "effect": "message"},
    ],
)
def test_a_rung_that_makes_no_sense_is_refused(rung: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Ladder.model_validate({"id": "x", "rungs": [rung]})


@pytest.mark.parametrize("at", ["opens", "due", "overdue", "lapses", "appointment"])
def test_a_rung_stands_on_the_day_of_its_moment(at: Any) -> None:
    item = an_item()
    days_of = {
        "opens": item.opens_on,
        "due": item.due_on,
        "overdue": item.last_on_time + timedelta(days=1),
        "lapses": item.lapses_on,
        "appointment": item.due_on,  # to book
    }
    assert ladder.Rung(track="patient", name="one", at=at, effect="message").day(item) == days_of[at]
