"""What adherence is counted from: courses, the items of their clocks, and the reminders that went out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, results
from db.batches import Key
from db.tables import Course, CourseEvent, Item, Patient, Reminder, ReminderState
from schedules.facts import Class, EventType

COUNTED = ("test", "check-in")  # the kinds of clock that have a measure


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose courses: what is None leaves nobody out. `at` asks for those known at a past moment."""

    clinic_id: UUID | None = None
    medicine: str | None = None
    protocol_id: str | None = None
    at: datetime | None = None

    def __call__(self, courses: sa.Table) -> sa.ColumnElement[bool]:
        asked = {
            courses.c.clinic_id: self.clinic_id,
            courses.c.medicine: self.medicine,
            courses.c.protocol_id: self.protocol_id,
        }
        chosen = [column == value for column, value in asked.items() if value is not None]
        return sa.and_(results.standing(courses, self.at), *chosen)


def courses(session: Session, scope: Scope) -> Sequence[sa.Row]:
    """The courses with whose they are, and the day on which they ended as it is known now."""
    ours, patients = batches.table(Course), batches.table(Patient)
    query = (
        sa.select(
            *(ours.c[name] for name in ("clinic_id", "id", "patient_id", "start", "enrolled", "ended_on")),
            *(patients.c[name] for name in ("mrn", "time_zone")),
        )
        .join_from(ours, patients, _same(ours.c.patient_id, patients))
        .where(scope(ours))
        .order_by(ours.c.clinic_id, ours.c.id)
    )
    return session.execute(query).all()


def items(session: Session, scope: Scope) -> Sequence[sa.Row]:
    """The items as they are written down, but for those that the plan no longer gives."""
    ours, mine = batches.table(Course), batches.table(Item)
    names = ("course_id", "clock", "kind", "ordinal", "due_on", "last_on_time", "class_", "collected_on")
    query = (
        sa.select(*(mine.c[name].label(name) for name in (*names, "closed_on", "held")))
        .join_from(mine, ours, _same(mine.c.course_id, ours))
        .where(scope(ours), mine.c.kind.in_(COUNTED), mine.c.class_.is_distinct_from(Class.WITHDRAWN))
    )
    return session.execute(query).all()


def held(session: Session, scope: Scope) -> list[Key]:
    """The courses that were ever held: only their clocks can have paused."""
    ours, events = batches.table(Course), batches.table(CourseEvent)
    query = (
        sa.select(ours.c.clinic_id, ours.c.id)
        .join_from(ours, events, _same(events.c.course_id, ours))
        .where(scope(ours), events.c.type == EventType.HOLD, results.standing(events, scope.at))
        .distinct()
    )
    return [(row.clinic_id, row.id) for row in session.execute(query)]


def sent(session: Session, scope: Scope) -> Sequence[sa.Row]:
    """The reminders that went out, staff's among them, in the order in which they did."""
    ours, mine, reminders = (batches.table(model) for model in (Course, Item, Reminder))
    query = (
        sa.select(
            *(mine.c[name] for name in ("course_id", "clock", "kind", "ordinal")),
            *(reminders.c[name] for name in ("track", "rung", "decided_at", "zone")),
        )
        .join_from(reminders, mine, _same(reminders.c.item_id, mine))
        .join(ours, _same(mine.c.course_id, ours))
        .where(scope(ours), mine.c.kind.in_(COUNTED), reminders.c.state == ReminderState.SENT)
        .order_by(reminders.c.decided_at, reminders.c.id)
    )
    if scope.at is not None:
        query = query.where(reminders.c.decided_at <= scope.at)
    return session.execute(query).all()


def _same(column: sa.ColumnElement[Any], rows: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(column.table.c.clinic_id == rows.c.clinic_id, column == rows.c.id)
