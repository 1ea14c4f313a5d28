"""What happens to a course is entered: planned again at once, refused in the planner's own sentence."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import NoReturn
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, batches, courses, patients
from db.batches import Key
from db.tables import CourseEvent, EndReason
from db.types import new_id
from schedules.facts import EventType
from schedules.plan import ONE_CLOCK
from service.errors import Fault, Problem
from service.flows import closed_days, differences, forwarding, obligations
from service.flows.courses import patient, replan, standing, today
from service.flows.differences import Difference
from service.flows.intake import Columns

NEEDED = {
    EventType.HOLD: ("reason", "review_on"),
    EventType.STOP: ("reason", "decided_by"),
    EventType.OVERRIDE: ("reason", "review_on", "decided_by"),
    EventType.WAIVED: ("reason", "decided_by"),
    EventType.ATTESTED: ("reason", "decided_by"),
    EventType.BOOKED: ("at_local",),
}
WHY = {"at_local": "say when the appointment is", "decided_by": "name who decided", "reason": "say why",
       "review_on": "say on which day it is looked at again"}  # fmt: skip
PLACES = {"at_local": "at"}
OF_APPOINTMENTS = (EventType.BOOKED, EventType.ATTENDED, EventType.NOT_ATTENDED, EventType.CANCELLED)
ANSWERING = ONE_CLOCK - {EventType.OVERRIDE}  # without an item that they concern they mean nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    id: UUID
    difference: Difference


def record(session: Session, key: Key, said: Columns, *, by: str, now: datetime) -> Recorded:
    """Enter an event of a course. Problem when it says too little, or contradicts what is known."""
    facts = standing(session, key, now=now).facts
    whose = facts.clinic_id, facts.patient_id
    _sayable(said, today(patient(session, whose), now))
    if said["type"] is EventType.BOOKED:
        closed_days.refuse(session, key[0], datetime.fromisoformat(said["at_local"]).date())
    patients.lock(session, whose)
    _is_news(session, key, said, now)
    before, event_id = differences.look(session, whose), new_id()
    row = said | {"clinic_id": key[0], "id": event_id, "course_id": key[1], "recorded_at": now}
    batches.insert(session, CourseEvent, [row])
    replan(session, [key], now=now, ref=event_id)
    found = differences.since(before, session, whose)
    if said["type"] in ANSWERING and not found.dates:
        raise Problem(409, f"Nothing is open that {said['type'].value} could be about: look at the plan.")
    if said["type"] in OF_APPOINTMENTS:
        closed_days.look(session, key[0], now=now)
    _record(session, whose, by, f"enter {said['type'].value}", now, {"event": str(event_id)})
    return Recorded(id=event_id, difference=found)


def _sayable(said: Columns, on: date) -> None:
    for name in NEEDED.get(said["type"], ()):
        if said[name] is None:
            _refuse(PLACES.get(name, name), f"is missing: {WHY[name]}")
    if said["on"] > on:
        _refuse("on", "is still to come: enter it on its day")


def _refuse(place: str, what: str) -> NoReturn:
    raise Problem(422, "The request is not valid.", errors=[Fault(f"body.{place}", what)])


def _is_news(session: Session, key: Key, said: Columns, now: datetime) -> None:
    """The same entry twice is one that was sent twice; a visit can be booked and cancelled as often as is."""
    if said["type"] in (EventType.BOOKED, EventType.CANCELLED, EventType.NOT_ATTENDED):
        return
    names = ("on", "type", "clock")
    for event in standing(session, key, now=now).events:
        if event.voided_at is None and all(getattr(event, name) == said[name] for name in names):
            raise Problem(409, f"A {said['type'].value} of {said['on']} is entered already.")


def end(
    session: Session,
    key: Key,
    *,
    on: date,
    reason: EndReason,
    confirmed: bool,
    version: int,
    by: str,
    now: datetime,
) -> Difference:
    """The patient died, left or moved away: everything ends at once."""
    patients.lock(session, key)
    row = patient(session, key)
    if row.version != version:
        raise Problem(412, "It was changed since you read it: read it again.")
    if on > today(row, now):
        _refuse("on", "is still to come: enter it on its day")
    if not confirmed:
        obligations.confirm(session, [key], now=now)
    before = differences.look(session, key)
    end_now(session, row, on=on, reason=reason, by=by, now=now)
    return differences.since(before, session, key)


def end_now(session: Session, row: sa.Row, *, on: date, reason: EndReason, by: str, now: datetime) -> None:
    """End everything for a patient, whose row is locked."""
    key = row.clinic_id, row.id
    if row.ended_reason is not None:
        raise Problem(409, "The patient's end is entered already: take that back first.")
    patients.end(session, key, on=on, reason=reason, now=now)
    replan(session, courses.of_patients(session, [key]), now=now, ref=key[1])
    forwarding.ended(session, key, on=on, reason=reason, now=now)
    _record(session, key, by, f"end patient: {reason.value}", now, {"on": on.isoformat()})


def _record(session: Session, key: Key, by: str, action: str, now: datetime, detail: Columns) -> None:
    audit.record(session, key[0], by, action, subject=("patient", str(key[1])), now=now, detail=detail)
