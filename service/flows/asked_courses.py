"""The check-ins of a clinic that asks: begun beside a patient's medicines, stepped up and ended with them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import asked_courses, batches, protocols
from db.engine import reading, writing
from db.tables import Course, CourseEvent
from schedules import days, library
from schedules.facts import EventType
from service.flows import plans

BATCH = 200
BY = "the clinic's switch"
EASTERNMOST = timedelta(hours=14)  # how far local days are ahead of UTC at most


def tick(engine: Engine, *, now: datetime) -> int:
    """What the switches and the medicines ask since the last look; how many courses that concerned."""
    protocol_id = library.check_ins().id
    with reading(engine) as session:
        clinics = asked_courses.switched_on(session)
        ended = asked_courses.to_end(session, clinics, protocol_id, limit=BATCH)
        begun = asked_courses.to_begin(
            session, clinics, protocol_id, today=(now - timedelta(hours=12)).date(), limit=BATCH
        )
        increased = asked_courses.to_step_up(session, protocol_id, limit=BATCH)
        own = asked_courses.answered_beside(session, protocol_id, opens_by=(now + EASTERNMOST).date())
        answered = [row for row in own if _is_answered(row, now)]
    if ended or begun or increased or answered:
        with writing(engine) as session:
            keys = [
                *_end(session, ended, now),
                *_step_up(session, increased, now),
                *_begin(session, begun, now),
                *_answer(session, answered, now),
            ]
            plans.apply(session, sorted(set(keys)), now=now)
    return len(ended) + len(begun) + len(increased) + len(answered)


def _is_answered(row: sa.Row, now: datetime) -> bool:
    """A protocol's own check-in is open, and the set was answered since its last: nobody is asked twice."""
    zone = days.zone(row.time_zone)
    since = max(row.base, row.before or row.base)
    return row.opens_on <= days.local_day(now, zone) and since < days.local_day(row.at, zone)


def _answer(session: Session, rows: Sequence[sa.Row], now: datetime) -> list[Any]:
    said = {"type": EventType.ANSWERED, "reason": "the question set was answered"}
    events = [
        said
        | {"clinic_id": row.clinic_id, "course_id": row.course_id, "clock": row.clock, "recorded_at": now}
        | {"on": days.local_day(now, days.zone(row.time_zone))}
        for row in rows
    ]
    batches.insert(session, CourseEvent, events)
    return [(row.clinic_id, row.course_id) for row in rows]


def _begin(session: Session, rows: Sequence[sa.Row], now: datetime) -> list[Any]:
    """As old as the medicine, asked from today on: who has long been on it is asked monthly at once."""
    protocol = library.check_ins()
    new = [
        {
            "clinic_id": row.clinic_id,
            "patient_id": row.patient_id,
            "protocol_id": protocol.id,
            "protocol_hash": protocols.pin(session, row.clinic_id, protocol, now=now),
            "medicine": protocol.medicine.name,
            "start": row.start,
            "enrolled": max(row.start, days.local_day(now, days.zone(row.time_zone))),
            "created_at": now,
            "import_id": row.import_id,
        }
        for row in rows
    ]
    return [(row["clinic_id"], row["id"]) for row in batches.insert(session, Course, new)]


def _end(session: Session, rows: Sequence[sa.Row], now: datetime) -> list[Any]:
    said = {"type": EventType.STOP, "reason": "check-ins are no longer asked", "decided_by": BY}
    events = [
        said | _event(row, now, on=max(row.start, days.local_day(now, days.zone(row.time_zone))))
        for row in rows
    ]
    batches.insert(session, CourseEvent, events)
    return [(row.clinic_id, row.id) for row in rows]


def _step_up(session: Session, rows: Sequence[sa.Row], now: datetime) -> list[Any]:
    said = {
        "type": EventType.DOSE_INCREASE,
        "reason": "the dose of a medicine was increased",
        "decided_by": BY,
    }
    batches.insert(session, CourseEvent, [said | _event(row, now, on=row.on) for row in rows])
    return [(row.clinic_id, row.id) for row in rows]


def _event(row: sa.Row, now: datetime, *, on: Any) -> dict[str, Any]:
    return {"clinic_id": row.clinic_id, "course_id": row.id, "on": on, "recorded_at": now}
