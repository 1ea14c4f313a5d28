"""Whom to call first, and why: open items past their last day on time, in order of risk.

The order is a product choice; no guideline gives one. First whose monitoring has lapsed. Then whom no
reminder reaches: only a call can. Then who is starting or was stepped up, when toxicity comes early and fast.
Then whose last counts were beyond a limit. Then by whole intervals missed, and at last by days.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, TypeVar

from schedules import adults, limits
from schedules.facts import STEP_UP, Course, Draw, Item, State
from schedules.limits import LEVELS, Finding

Name = TypeVar("Name")
SLIPPED = (State.OVERDUE, State.LAPSED)
NOUNS = {"test": "blood test", "visit": "visit", "check-in": "check-in", "dose": "dose visit"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Known(Generic[Name]):
    """An item with the caller's own name for it, its course, and what else is known of the patient today."""

    of: Name
    item: Item
    course: Course
    today: date
    birth_date: date
    is_own: bool  # the protocol is the clinic's own: whom packaged limits may judge is narrower
    reachable: bool  # some reminder can go out: a good contact, and consent for it
    draws: tuple[Draw, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk(Generic[Name]):
    """One place on the list. The smallest key comes first; `reasons` says in sentences what is in it."""

    of: Name
    state: State
    days_overdue: int  # since the due day
    key: tuple[int, ...]
    reasons: tuple[str, ...]


def rank(slipped: Iterable[Known[Name]]) -> list[Risk[Name]]:
    """Those that are overdue on their day, the one to call first at the top."""
    late = (one for one in slipped if one.item.state(one.today) in SLIPPED)
    return sorted((place(one) for one in late), key=lambda risk: risk.key)


def place(one: Known[Name]) -> Risk[Name]:
    """Where an open item stands, late or not: what is not comes after all that is."""
    item, state = one.item, one.item.state(one.today)
    days = (one.today - item.due_on).days
    intervals = days // max(1, (item.due_on - item.base).days)
    starting, found = _starting(one), last_finding(one)
    key = (
        {State.LAPSED: 0, State.OVERDUE: 1}.get(state, 2),
        1 if one.reachable else 0,
        0 if starting else 1,
        len(LEVELS) if found is None else len(LEVELS) - 1 - LEVELS.index(found.level),
        -intervals,
        -days,
    )
    reasons = (
        _lateness(item, state, days, intervals) if state in SLIPPED else _next(item, state),
        _partly(one),
        _unreachable(one),
        starting,
        found and found.sentence,
    )
    return Risk(of=one.of, state=state, days_overdue=days, key=key, reasons=tuple(r for r in reasons if r))


def _next(item: Item, state: State) -> str:
    held = " The course is on hold." if state is State.HELD else ""
    return f"The next {NOUNS[item.kind]} is due on {item.due_on}.{held}"


def _lateness(item: Item, state: State, days: int, intervals: int) -> str:
    said = f"The {NOUNS[item.kind]} was due on {item.due_on}, {_count(days, 'day')} ago"
    more = f": {_count(intervals, 'whole interval')} without one" if intervals else ""
    lapsed = f"; monitoring lapsed on {item.lapses_on}" if state is State.LAPSED else ""
    return f"{said}{more}{lapsed}."


def _partly(one: Known[Name]) -> str | None:
    """A panel of which something came: what is missing, by name."""
    missing = one.item.missing
    if not missing or len(missing) == len(one.course.protocol.clock(one.item.clock).components):
        return None
    return f"Part of it came; still missing: {', '.join(missing)}."


def _unreachable(one: Known[Name]) -> str | None:
    return None if one.reachable else "No reminder reaches the patient: no contact with consent."


def _starting(one: Known[Name]) -> str | None:
    """Why this is a time of early toxicity: a phase before the last one, or a step-up."""
    phase = one.item.phase
    if phase == STEP_UP:
        return "Closer tests were asked for after a change (step-up)."
    clock = one.course.protocol.clock(one.item.clock)
    last = len(clock.phases_for(one.course.indication, one.course.flags)) - 1
    if isinstance(phase, int) and phase < last:
        return "The medicine is being started: the phase of close tests is not over."
    return None


def last_finding(one: Known[Name]) -> Finding | None:
    """The most urgent of what the limits say to the newest value of each analyte, baseline included.

    A limit that may not judge the patient on the day of the draw says nothing.
    """
    course = one.course
    found = [
        finding
        for analyte, (value, on) in _newest(one.draws, one.today).items()
        if adults.judged_by(course.protocol, one.birth_date, course.indication, on, one.is_own)
        for finding in limits.judge(
            course.protocol.limits,
            analyte=analyte,
            value=value,
            on=on,
            before=limits.readings(one.draws, analyte),
            start=course.start,
            indication=course.indication,
            flags=course.flags,
        )
    ]
    return max(found, key=lambda finding: (LEVELS.index(finding.level), finding.on), default=None)


def _newest(draws: Iterable[Draw], today: date) -> Mapping[str, tuple[Decimal, date]]:
    known = sorted((draw for draw in draws if draw.on <= today), key=lambda draw: draw.on)
    return {analyte: (value, draw.on) for draw in known for analyte, value in draw.values.items()}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
