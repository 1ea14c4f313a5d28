"""A patient begins a medicine and is planned at once; a course as it stands, every date with its why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, batches, courses, imports, items, patients, protocols, work_items
from db.batches import Key
from db.courses import CourseFacts
from db.items import Stored
from db.tables import Course, CourseEvent
from schedules import days
from schedules import plan as planning
from schedules.facts import Plan, State
from schedules.plan import EventRefused
from service.errors import Fault, Problem
from service.flows import beginnings, differences, entries, histories, intake, plans, reach
from service.flows.beginnings import Begun
from service.flows.histories import Histories
from service.flows.intake import Columns, Intake
from service.flows.protocols import known as known_protocols
from service.ingest.rows import CourseRow, Line

NOTHING_HERE = "There is nothing at this address."
HERE = ("", "", "")  # the one patient of a request


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A course on its patient's today: what was planned, what happened, who may be given a repeat."""

    facts: CourseFacts
    plan: Plan
    items: Sequence[Stored]
    events: Sequence[sa.Row]
    today: date

    def state(self, row: Stored) -> State:
        return row.item.state(self.today)


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """Everything of one patient that a coordinator looks at together."""

    person: sa.Row
    standings: Sequence[Standing]
    work: Sequence[sa.Row]
    today: date

    @property
    def visits(self) -> Sequence[differences.Visit]:
        open_ = [row for standing in self.standings for row in standing.items if row.item.class_ is None]
        return [
            differences.Visit(on=visit.on, components=visit.components) for visit in differences.visits(open_)
        ]


def patient(session: Session, key: Key) -> sa.Row:
    """A patient's row. Problem when the clinic has none such."""
    row = patients.of(session, [key]).get(key[1])
    if row is None or row.voided_at is not None:
        raise Problem(404, NOTHING_HERE)
    return row


def today(row: sa.Row, now: datetime) -> date:
    return days.local_day(now, days.zone(row.time_zone))


def enrol(
    session: Session, key: Key, said: Columns, *, by: str, now: datetime, begun: Begun | None = None
) -> Standing:
    """Problem when the patient cannot have the course: no such protocol, too young, on it already.

    `begun` asks for the baseline: without it nobody is there to say who decided.
    """
    person = intake.person(patient(session, key))
    found = Intake(now=now, people={HERE: person})
    known = imports.known(session, [key])
    stored = histories.stored(session, found, known)
    dose = said.pop("dose")
    row = CourseRow(line=Line("body", 1), patient=HERE, **said)
    histories.add_course(found, row, stored, known_protocols(session, key[0]))
    entries.add(found, (), stored)
    columns = _new(found, stored)
    for (clinic_id, _), protocol in found.pins.items():
        protocols.pin(session, clinic_id, protocol, now=now)
    more = {"dose": dose, "baseline": None if begun is None else begun.as_json()}
    batches.insert(session, Course, [columns | more])
    detail = {"course": str(columns["id"])} | ({} if begun is None else begun.as_json())
    _record(session, key, by, "enrol", now, detail)
    replan(session, [(key[0], columns["id"])], now=now)
    reach.look(session, [key], now=now)
    made = standing(session, (key[0], columns["id"]), now=now)
    if begun is not None:
        beginnings.look(session, made.facts, begun, today=made.today, now=now)
    return made


def _new(found: Intake, stored: Histories) -> Columns:
    for wrong in found.errors:
        if wrong.what == histories.NO_PROTOCOL:
            raise Problem(422, "The request is not valid.", errors=[Fault("body.protocol", wrong.what)])
        raise Problem(409, f"{wrong.what[:1].upper()}{wrong.what[1:]}: {wrong.remedy}.")
    if not found.new[Course]:
        raise Problem(409, "The patient has this course already.")
    return found.new[Course][0]


def replan(session: Session, keys: Sequence[Key], *, now: datetime, ref: object = None) -> None:
    """Plan these courses again. Problem, in the planner's sentence, where their events cannot be.

    `ref` is the event that is being entered: of another one it is said that it contradicts.
    """
    try:
        plans.apply(session, keys, now=now)
    except EventRefused as refusal:
        event, said = refusal.event, f"{str(refusal)[:1].upper()}{str(refusal)[1:]}."
        if ref is not None and event.ref != str(ref):
            said = f"With it the {event.type.value} of {event.on} cannot be: {refusal}."
        raise Problem(409, said) from None


def standing(session: Session, key: Key, *, now: datetime) -> Standing:
    """Problem when the clinic has no such course."""
    found = courses.known(session, [key])
    if not found:
        raise Problem(404, NOTHING_HERE)
    facts = found[0]
    on = days.local_day(now, days.zone(facts.time_zone))
    return Standing(
        facts=facts,
        plan=planning.plan(facts.course, facts.events, facts.draws, today=on, known_at=now),
        items=items.of_courses(session, [key]).get(facts.id, []),
        events=_events(session, key),
        today=on,
    )


def _events(session: Session, key: Key) -> Sequence[sa.Row]:
    events = batches.table(CourseEvent)
    query = sa.select(events).order_by(events.c.on, events.c.id)
    return list(batches.fetch(session, query, events, [key], column="course_id"))


def read(session: Session, key: Key, *, by: str, now: datetime) -> Standing:
    """With an entry in the audit: who read it, when."""
    found = standing(session, key, now=now)
    _record(session, (key[0], found.facts.patient_id), by, "read course", now, {"course": str(key[1])})
    return found


def whole(session: Session, key: Key, *, by: str, now: datetime) -> Whole:
    person = patient(session, key)
    mine = courses.of_patients(session, [key])
    found = Whole(
        person=person,
        standings=[standing(session, course, now=now) for course in mine],
        work=[row for row in work_items.unfinished(session, key[0]) if row.patient_id == key[1]],
        today=today(person, now),
    )
    _record(session, key, by, "read patient", now, {})
    return found


def _record(session: Session, key: Key, by: str, action: str, now: datetime, detail: Columns) -> None:
    audit.record(session, key[0], by, action, subject=("patient", str(key[1])), now=now, detail=detail)
