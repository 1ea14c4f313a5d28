"""What a patient's report proposes becomes an event only when a clinician says so."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, patient_reports, work_items
from db.batches import Key
from schedules.facts import EventType
from service.errors import Fault, Problem
from service.flows import courses, events
from service.flows.answered import Reported
from service.flows.courses import NOTHING_HERE
from service.flows.intake import Columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    accept: bool
    text: str
    course_id: UUID | None = None
    review_on: date | None = None


def decide(session: Session, key: Key, said: Decision, *, by: str, now: datetime) -> Reported:
    """Problem when there is no such report, it proposes nothing, or somebody has decided."""
    row = patient_reports.one(session, key)
    if row is None:
        raise Problem(404, NOTHING_HERE)
    if row.proposes is None:
        raise Problem(409, "The report proposes nothing: enter what you decide as an event of the course.")
    told = {"accepted": said.accept, "decided_by": by, "decided_at": now, "decision": said.text}
    if not patient_reports.decide(session, key, **told):
        raise Problem(409, f"{row.decided_by or 'Somebody'} has decided already.")
    if said.accept:
        _happen(session, row, said, by=by, now=now)
    detail = {"report": str(key[1]), "accepted": said.accept, "proposes": row.proposes}
    subject = ("patient", str(row.patient_id))
    audit.record(session, key[0], by, "decide report", subject=subject, now=now, detail=detail)
    found = patient_reports.one(session, key)
    assert found is not None
    asked = work_items.with_keys(session, [(key[0], found.work_key)])
    return Reported(row=found, work_item_id=asked.get((key[0], found.work_key)))


def _happen(session: Session, row: sa.Row, said: Decision, *, by: str, now: datetime) -> None:
    """Enter the event, on the day that the patient gave, or today."""
    if said.course_id is None:
        fault = Fault("body.course_id", "is missing: say of which course")
        raise Problem(422, "The request is not valid.", errors=[fault])
    clinic_id, patient_id = row.clinic_id, row.patient_id
    facts = courses.standing(session, (clinic_id, said.course_id), now=now).facts
    if facts.patient_id != patient_id:
        raise Problem(404, NOTHING_HERE)
    today = courses.today(courses.patient(session, (clinic_id, patient_id)), now)
    events.record(session, facts.key, _event(row, said, by, today), by=by, now=now)


def _event(row: sa.Row, said: Decision, by: str, today: date) -> Columns:
    nothing = dict.fromkeys(("clock", "every", "due_on", "at_local", "dose", "review_on"))
    on = row.on or today
    kind = EventType(row.proposes)
    known = {"on": min(on, today), "type": kind, "reason": said.text, "decided_by": by}
    return nothing | known | {"review_on": said.review_on if kind is EventType.HOLD else None}
