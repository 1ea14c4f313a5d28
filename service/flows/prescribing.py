"""Who may be given a repeat: the status of every course that goes on, and who has no next date.

Statuses are those of the plan, read from what is written down; a course without an open test is planned, for
only the plan knows whether its monitoring has ended or waits for a clinician.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import courses, prescribing
from db.adherence import Scope
from db.engine import reading
from schedules import days, status
from schedules import plan as planning
from schedules.facts import Event, Plan, State, Status
from service.errors import Refused
from service.flows import spreadsheets

SHOWN = (Status.LAPSED, Status.OVERDUE, Status.HELD, Status.DUE, Status.IN_DATE)  # in the order of lists
COLUMNS = ("status", "due_on", "last_on_time", "lapses_on", "clinic", "mrn", "name", "medicine", "protocol")
WITHOUT_COLUMNS = ("clinic", "mrn", "name", "medicine", "protocol", "clock", "why")
MEANINGS: Mapping[Status, str] = {
    Status.IN_DATE: "the next test may not be taken yet",
    Status.DUE: "the next test may be taken: from the day it opens to its last day on time",
    Status.OVERDUE: "the last day on time has passed",
    Status.LAPSED: "overdue for so long that the monitoring has lapsed",
    Status.HELD: "the medicine is held, for a result or another reason",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One course and its status; the days are of the test that is due first."""

    clinic_id: UUID
    course_id: UUID
    patient_id: UUID
    clinic: str
    mrn: str
    name: str
    medicine: str
    protocol: str
    status: Status
    due_on: date | None
    last_on_time: date | None
    lapses_on: date | None

    @property
    def place(self) -> str:
        """Where it stands in the list: the worst first, of the same status who was due first."""
        return f"{SHOWN.index(self.status)}.{self.due_on or date.max}.{self.course_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Without:
    """One test clock of somebody on a medicine that has no next date."""

    clinic_id: UUID
    course_id: UUID
    patient_id: UUID
    clinic: str
    mrn: str
    name: str
    medicine: str
    protocol: str
    clock: str
    why: str


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[Standing]
    counts: Mapping[Status, int]
    next: str | None


def page(
    engine: Engine,
    scope: Scope,
    *,
    now: datetime,
    limit: int,
    status: Status | None = None,
    cursor: str | None = None,
) -> Page:
    """The worst first. Refused when the cursor is none of ours."""
    if cursor is not None and cursor.count(".") != 2:
        raise Refused("cursor: give the `next` of the page before")
    found = standings(engine, scope, now=now)
    chosen = [one for one in found if status in (None, one.status)]
    rest = [one for one in chosen if cursor is None or one.place > cursor]
    counted = Counter(one.status for one in found)
    last = rest[limit - 1].place if len(rest) > limit else None
    return Page(rest[:limit], {each: counted[each] for each in SHOWN}, last)


def standings(engine: Engine, scope: Scope, *, now: datetime) -> list[Standing]:
    with reading(engine) as session:
        rows = prescribing.courses(session, scope)
        tests, holds = prescribing.open_tests(session, scope), prescribing.holds(session, scope)
        idle = [row for row in rows if row.id not in tests]
        plans = _plans(session, [(row.clinic_id, row.id) for row in idle], now)
    found = []
    for row in rows:
        today = days.local_day(now, days.zone(row.time_zone))
        state = _status(plans.get(row.id), tests.get(row.id, []), holds.get(row.id, []), today)
        if row.start <= today and state is not Status.ENDED:
            found.append(_standing(row, state, tests.get(row.id, [])))
    return sorted(found, key=lambda one: one.place)


def _plans(session: Session, keys: Sequence[tuple[UUID, UUID]], now: datetime) -> dict[UUID, Plan]:
    return {
        known.id: planning.plan(
            known.course,
            known.events,
            known.draws,
            today=days.local_day(now, days.zone(known.time_zone)),
            known_at=now,
        )
        for known in courses.known(session, keys)
    }


def _status(plan: Plan | None, tests: Sequence[sa.Row], holds: Iterable[Event], today: date) -> Status:
    if plan is not None:
        return plan.status
    if status.on_hold(event for event in holds if event.on <= today):
        return Status.HELD
    return status.worst(_state(test, today) for test in tests)


def _state(test: sa.Row, today: date) -> State:
    if today >= test.lapses_on:
        return State.LAPSED
    if today > test.last_on_time:
        return State.OVERDUE
    return State.DUE if today >= test.opens_on else State.UPCOMING


def _standing(row: sa.Row, state: Status, tests: Sequence[sa.Row]) -> Standing:
    first = min(tests, key=lambda test: test.due_on, default=None)
    return Standing(
        clinic_id=row.clinic_id,
        course_id=row.id,
        patient_id=row.patient_id,
        clinic=row.clinic,
        mrn=row.mrn,
        name=row.name,
        medicine=row.medicine,
        protocol=row.protocol_id,
        status=state,
        due_on=None if first is None else first.due_on,
        last_on_time=None if first is None else first.last_on_time,
        lapses_on=None if first is None else first.lapses_on,
    )


# ---- without a next date


def without_next_date(engine: Engine, scope: Scope, *, now: datetime) -> list[Without]:
    """Everybody on a medicine with a test clock that has no open item, and why: it must be nobody."""
    with reading(engine) as session:
        keys = prescribing.uncovered(session, scope)
        rows = {row.id: row for row in prescribing.courses(session, scope)} if keys else {}
        plans = _plans(session, keys, now)
    found = []
    for course_id, plan in plans.items():
        row = rows[course_id]
        if row.start <= days.local_day(now, days.zone(row.time_zone)):
            found += [_without(row, clock, why) for clock, why in _idle(plan)]
    return sorted(found, key=lambda one: (one.clinic, one.mrn, one.clock))


def _idle(plan: Plan) -> list[tuple[str, str]]:
    """The test clocks without an open item, each with what the plan says of it."""
    tests = {item.clock for item in plan.items if item.kind == "test"}
    waiting = sorted(tests - {item.clock for item in plan.open_items})
    said = {need.clock: need.why for need in plan.needs if need.met_on is None and need.clock is not None}
    said |= {clock: why for clock, (_, why) in plan.ends.items()}
    nothing = [("", "The protocol has no test clock for this course.")] if not tests else []
    return [(clock, said.get(clock, "Nothing says why: tell support.")) for clock in waiting] + nothing


def _without(row: sa.Row, clock: str, why: str) -> Without:
    return Without(
        clinic_id=row.clinic_id,
        course_id=row.id,
        patient_id=row.patient_id,
        clinic=row.clinic,
        mrn=row.mrn,
        name=row.name,
        medicine=row.medicine,
        protocol=row.protocol_id,
        clock=clock,
        why=why,
    )


def as_csv(rows: Sequence[Standing] | Sequence[Without], columns: Sequence[str]) -> str:
    return spreadsheets.as_csv(columns, ([getattr(row, name) for name in columns] for row in rows))
