"""Courses with what tells their prescribing status: their end, their holds, their open tests."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.adherence import Scope
from db.batches import Key
from db.tables import Clinic, Course, CourseEvent, Item, Patient
from schedules import library
from schedules.facts import Event
from schedules.status import CONCERNED


def courses(session: Session, scope: Scope) -> Sequence[sa.Row]:
    """The courses on a medicine with their patients and clinics, but for those that have ended."""
    ours, patients, clinics = (batches.table(model) for model in (Course, Patient, Clinic))
    query = (
        sa.select(
            *(ours.c[name] for name in ("clinic_id", "id", "patient_id", "medicine", "protocol_id")),
            *(ours.c[name] for name in ("start", "ended_on")),
            *(patients.c[name] for name in ("mrn", "name", "birth_date", "time_zone")),
            clinics.c.name.label("clinic"),
        )
        .join_from(ours, patients, _same(ours.c.patient_id, patients))
        .join(clinics, clinics.c.id == ours.c.clinic_id)
        .where(scope(ours), ours.c.ended_on.is_(None), on_medicine(ours))
    )
    return session.execute(query).all()


def on_medicine(courses: Any) -> sa.ColumnElement[bool]:
    """Whether a course is one on a medicine: that of the symptom check-ins is beside them."""
    return courses.c.protocol_id != library.check_ins().id


def open_tests(session: Session, scope: Scope) -> dict[UUID, list[sa.Row]]:
    """The open items of test clocks, by course."""
    mine = batches.table(Item)
    names = ("course_id", "opens_on", "due_on", "last_on_time", "lapses_on", "held")
    query = sa.select(*(mine.c[name] for name in names)).where(
        sa.text("item.class IS NULL"), mine.c.kind == "test"
    )
    if scope.clinic_id is not None:
        query = query.where(mine.c.clinic_id == scope.clinic_id)
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in session.execute(query):
        found[row.course_id].append(row)
    return found


def holds(session: Session, scope: Scope) -> dict[UUID, list[Event]]:
    """What holds and resumes there were, by course."""
    ours, events = batches.table(Course), batches.table(CourseEvent)
    query = (
        sa.select(events.c.course_id, events.c.on, events.c.type)
        .join_from(events, ours, _same(events.c.course_id, ours))
        .where(scope(ours), events.c.type.in_(list(CONCERNED)), events.c.voided_at.is_(None))
    )
    found: dict[UUID, list[Event]] = defaultdict(list)
    for row in session.execute(query):
        found[row.course_id].append(Event(on=row.on, type=row.type))
    return found


def uncovered(session: Session, scope: Scope) -> list[Key]:
    """The courses of which a test clock, or every one, has no open item."""
    ours, mine = batches.table(Course), batches.table(Item)
    of_course = sa.and_(mine.c.clinic_id == ours.c.clinic_id, mine.c.course_id == ours.c.id)
    test = sa.and_(mine.c.kind == "test", sa.text("(item.class IS NULL OR item.class <> 'withdrawn')"))
    open_now = sa.func.max(sa.case((sa.text("item.class IS NULL"), 1), else_=0))
    clocks = (
        sa.select(ours.c.clinic_id, ours.c.id, open_now.label("open"))
        .join_from(ours, mine, sa.and_(of_course, test), isouter=True)
        .where(scope(ours), ours.c.ended_on.is_(None), on_medicine(ours))
        .group_by(ours.c.clinic_id, ours.c.id, mine.c.clock)
        .having(open_now == 0)
    )
    return sorted({(row.clinic_id, row.id) for row in session.execute(clocks)})


def _same(column: sa.ColumnElement[Any], rows: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(column.table.c.clinic_id == rows.c.clinic_id, column == rows.c.id)
