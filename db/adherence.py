"""What adherence is counted from: courses, the items of their clocks, and the reminders that went out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, results
from db.batches import Key
from db.tables import Course, CourseEvent, Item, Patient, Reminder, ReminderState
from schedules.adherence import Period
from schedules.facts import Class, EventType

COUNTED = ("test", "check-in")  # the kinds of clock that have a measure
AT_ONCE = 5000  # rows in memory
ONE_DAY = timedelta(days=1)


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


def courses(
    session: Session, scope: Scope, *, after: Key | None = None, held: bool = False
) -> Iterator[sa.Row]:
    """The courses from `after` on, with whose they are and the day on which they ended as it is known now.

    `held`: only those that were ever held.
    """
    ours, patients = batches.table(Course), batches.table(Patient)
    names = ("clinic_id", "id", "patient_id", "medicine", "protocol_id", "start", "enrolled", "ended_on")
    query = (
        sa.select(
            *(ours.c[name] for name in names),
            *(patients.c[name] for name in ("mrn", "birth_date", "time_zone")),
        )
        .join_from(ours, patients, _same(ours.c.patient_id, patients))
        .where(scope(ours))
        .order_by(ours.c.clinic_id, ours.c.id)
    )
    if held:
        events = batches.table(CourseEvent)
        theirs = sa.and_(events.c.clinic_id == ours.c.clinic_id, events.c.course_id == ours.c.id)
        holds = sa.and_(events.c.type == EventType.HOLD, results.standing(events, scope.at))
        query = query.where(sa.exists().where(theirs, holds))
    if after is not None:
        key = sa.tuple_(ours.c.clinic_id, ours.c.id)
        query = query.where(key >= sa.tuple_(*map(sa.literal, after)))
    return iter(session.execute(query.execution_options(yield_per=batches.SIZE)))


def items(session: Session, keys: Sequence[Key]) -> Iterator[sa.Row]:
    """The courses' items as they are written down, but for those that the plan no longer gives."""
    mine = batches.table(Item)
    names = ("course_id", "clock", "kind", "ordinal", "phase", "due_on", "last_on_time", "class_")
    days = ("collected_on", "closed_on", "held")
    query = sa.select(*(mine.c[name].label(name) for name in (*names, *days))).where(
        mine.c.kind.in_(COUNTED), mine.c.class_.is_distinct_from(Class.WITHDRAWN)
    )
    return batches.fetch(session, query, mine, keys, column="course_id")


def held(session: Session, keys: Sequence[Key]) -> list[Key]:
    """Those of the courses that were ever held: only their clocks can have paused."""
    events = batches.table(CourseEvent)
    query = sa.select(events.c.clinic_id, events.c.course_id).distinct()
    holds = query.where(events.c.type == EventType.HOLD, events.c.voided_at.is_(None))
    rows = batches.fetch(session, holds, events, keys, column="course_id")
    return [(row.clinic_id, row.course_id) for row in rows]


def sent(session: Session, scope: Scope, period: Period) -> Iterator[sa.Row]:
    """The reminders that went out in the period, a day more on both sides, staff's among them, in order.

    Of check-ins all that went out up to its end: a check-in is sent once, with its first reminder.
    """
    ours, mine, patients, reminders = (batches.table(model) for model in (Course, Item, Patient, Reminder))
    first, last = (datetime.combine(day, time(), UTC) for day in (period.first, period.last))
    begun = sa.or_(reminders.c.decided_at >= first - ONE_DAY, mine.c.kind == "check-in")
    names = ("course_id", "clock", "kind", "ordinal", "phase", "collected_on")
    query = (
        sa.select(
            *(mine.c[name] for name in names),
            *(ours.c[name] for name in ("clinic_id", "medicine", "protocol_id")),
            *(patients.c[name] for name in ("birth_date", "time_zone")),
            *(reminders.c[name] for name in ("track", "rung", "decided_at", "zone")),
        )
        .join_from(reminders, mine, _same(reminders.c.item_id, mine))
        .join(ours, _same(mine.c.course_id, ours))
        .join(patients, _same(ours.c.patient_id, patients))
        .where(scope(ours), mine.c.kind.in_(COUNTED), reminders.c.state == ReminderState.SENT)
        .where(begun, reminders.c.decided_at < last + 2 * ONE_DAY)
        .order_by(reminders.c.decided_at, reminders.c.id)
    )
    if scope.at is None:
        query = query.where(mine.c.class_.is_distinct_from(Class.WITHDRAWN))
    else:
        query = query.where(reminders.c.decided_at <= scope.at)
    return iter(session.execute(query.execution_options(yield_per=AT_ONCE)))


def _same(column: sa.ColumnElement[Any], rows: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(column.table.c.clinic_id == rows.c.clinic_id, column == rows.c.id)
