"""Whose check-ins are to begin, to be stepped up or to end: what the switches ask and is not so yet."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import CheckInSwitch, Course, CourseEvent, Patient
from schedules.facts import EventType


def switched_on(session: Session) -> list[UUID]:
    """The clinics whose newest word is that they ask."""
    switches = batches.table(CheckInSwitch)
    rows = session.execute(sa.select(switches).order_by(switches.c.at, switches.c.id)).all()
    newest = {row.clinic_id: bool(row.on) for row in rows}
    return sorted(clinic_id for clinic_id, on in newest.items() if on)


def to_begin(
    session: Session, clinic_ids: Sequence[UUID], protocol_id: str, *, today: date, limit: int
) -> Sequence[sa.Row]:
    """The first course on a medicine of each patient who has one and no check-ins."""
    medicine, asked, patients = _two_and_patients()
    query = (
        sa.select(medicine, patients.c.time_zone)
        .join_from(medicine, patients, _of(medicine, patients))
        .where(medicine.c.clinic_id.in_(clinic_ids), patients.c.ended_on.is_(None))
        .where(_goes_on(medicine), medicine.c.protocol_id != protocol_id, medicine.c.start <= today)
        .where(
            ~sa.exists().where(
                _same_patient(asked, medicine), _goes_on(asked), asked.c.protocol_id == protocol_id
            )
        )
        .order_by(medicine.c.clinic_id, medicine.c.patient_id, medicine.c.start, medicine.c.id)
        .limit(limit)
    )
    first: dict[tuple[UUID, UUID], sa.Row] = {}
    for row in session.execute(query):
        first.setdefault((row.clinic_id, row.patient_id), row)
    return list(first.values())


def to_end(session: Session, clinic_ids: Sequence[UUID], protocol_id: str, *, limit: int) -> Sequence[sa.Row]:
    """Check-ins that go on where the clinic no longer asks, or the patient is on no medicine."""
    medicine, asked, patients = _two_and_patients()
    on_medicine = sa.exists().where(
        _same_patient(medicine, asked), _goes_on(medicine), medicine.c.protocol_id != protocol_id
    )
    query = (
        sa.select(asked, patients.c.time_zone)
        .join_from(asked, patients, _of(asked, patients))
        .where(_goes_on(asked), asked.c.protocol_id == protocol_id)
        .where(sa.or_(asked.c.clinic_id.not_in(clinic_ids), ~on_medicine))
        .limit(limit)
    )
    return session.execute(query).all()


def to_step_up(session: Session, protocol_id: str, *, limit: int) -> Sequence[sa.Row]:
    """Dose increases of which the patient's check-ins do not know: (clinic, check-in course, day)."""
    medicine, asked, _ = _two_and_patients()
    events, told = batches.table(CourseEvent), batches.table(CourseEvent).alias("told")
    increase = sa.and_(events.c.type == EventType.DOSE_INCREASE, events.c.voided_at.is_(None))
    of_medicine = sa.and_(events.c.clinic_id == medicine.c.clinic_id, events.c.course_id == medicine.c.id)
    known = sa.exists().where(
        told.c.clinic_id == asked.c.clinic_id,
        told.c.course_id == asked.c.id,
        told.c.on == events.c.on,
        told.c.type == EventType.DOSE_INCREASE,
        told.c.voided_at.is_(None),
    )
    query = (
        sa.select(asked.c.clinic_id, asked.c.id, events.c.on)
        .join_from(asked, medicine, _same_patient(asked, medicine))
        .join(events, of_medicine)
        .where(_goes_on(asked), asked.c.protocol_id == protocol_id, medicine.c.protocol_id != protocol_id)
        .where(medicine.c.voided_at.is_(None), increase, events.c.on >= asked.c.start, ~known)
        .distinct()
        .limit(limit)
    )
    return session.execute(query).all()


def _two_and_patients() -> tuple[Any, Any, sa.Table]:
    courses = batches.table(Course)
    return courses.alias("medicine"), courses.alias("asked"), batches.table(Patient)


def _goes_on(courses: Any) -> sa.ColumnElement[bool]:
    return sa.and_(courses.c.voided_at.is_(None), courses.c.ended_on.is_(None))


def _same_patient(one: Any, other: Any) -> sa.ColumnElement[bool]:
    return sa.and_(one.c.clinic_id == other.c.clinic_id, one.c.patient_id == other.c.patient_id)


def _of(courses: Any, patients: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(patients.c.clinic_id == courses.c.clinic_id, patients.c.id == courses.c.patient_id)
