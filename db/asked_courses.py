"""Whose check-ins are to begin, to be stepped up or to end: what the switches ask and is not so yet."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import Bound, CheckIn, CheckInSwitch, Course, CourseEvent, Item, Patient
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


def answered_beside(session: Session, protocol_id: str, *, opens_by: date) -> Sequence[sa.Row]:
    """The open check-ins of protocols' own clocks whose patients are asked the set and have answered it.

    With when they last did, and the day of the clock's own last answer.
    """
    own, asked, patients = _two_and_patients()
    mine, told, given = batches.table(Item), batches.table(CourseEvent), batches.table(CheckIn)
    of_course = sa.and_(mine.c.clinic_id == own.c.clinic_id, mine.c.course_id == own.c.id)
    here = sa.and_(told.c.clinic_id == own.c.clinic_id, told.c.course_id == own.c.id)
    answer = sa.and_(here, told.c.clock == mine.c.clock, told.c.type == EventType.ANSWERED)
    before = sa.select(sa.func.max(told.c.on)).where(answer, told.c.voided_at.is_(None))
    heard = sa.and_(_same_patient(given, own), given.c.bound == Bound.ASKED)
    last = sa.select(sa.func.max(given.c.at)).where(heard).scalar_subquery()
    beside = _same_patient(asked, own), _goes_on(asked), asked.c.protocol_id == protocol_id
    names = ("clinic_id", "course_id", "clock", "opens_on", "base")
    query = (
        sa.select(*(mine.c[name] for name in names), patients.c.time_zone)
        .add_columns(last.label("at"), before.scalar_subquery().label("before"))
        .join_from(mine, own, of_course)
        .join(patients, _of(own, patients))
        .where(mine.c.kind == "check-in", sa.text("item.class IS NULL"), sa.not_(mine.c.held))
        .where(mine.c.opens_on <= opens_by, own.c.protocol_id != protocol_id, _goes_on(own))
        .where(sa.exists().where(*beside), last.is_not(None))
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
