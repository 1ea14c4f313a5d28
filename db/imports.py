"""Imports: what came in together is released together, and can be undone together."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select, update

from db import batches, reminders, work_items
from db.batches import Key
from db.tables import (
    Consent,
    Contact,
    Course,
    CourseEvent,
    Import,
    Item,
    Patient,
    Result,
    WorkItem,
    WorkState,
)
from schedules.facts import Class

FACTS: tuple[type[SQLModel], ...] = (Consent, Contact, CourseEvent, Result, Course, Patient)
REASON = "the import was undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """How many facts an undoing took back, by table, and the other courses they told something of."""

    counts: dict[str, int]
    to_plan: list[Key]


def get(session: Session, clinic_id: UUID, import_id: UUID) -> Import | None:
    return session.get(Import, (clinic_id, import_id))


def of_clinic(session: Session, clinic_id: UUID) -> list[Import]:
    mine = select(Import).where(col(Import.clinic_id) == clinic_id).order_by(col(Import.id))
    return list(session.exec(mine))


def release(session: Session, key: Key, *, by: str, now: datetime) -> bool:
    """Let an import's reminders go out; False when it was released or undone before."""
    return _mark(session, key, {"released_at": now, "released_by": by}, "released_at", "undone_at")


def undo(session: Session, key: Key, *, by: str, now: datetime) -> Undone | None:
    """Void every fact of the import, and end what waits for them; None when it was undone before."""
    if not _mark(session, key, {"undone_at": now, "undone_by": by}, "undone_at"):
        return None
    _end_items(session, key, now)
    others = _others(session, key)
    return Undone(
        counts={str(fact.__tablename__): _void(session, fact, key, now) for fact in FACTS}, to_plan=others
    )


def _mark(session: Session, key: Key, values: dict[str, object], *unset: str) -> bool:
    imports = batches.table(Import)
    conditions = (imports.c[name].is_(None) for name in unset)
    statement = update(Import).where(batches.among(imports, [key]), *conditions).values(values)
    return session.exec(statement).rowcount == 1


def _void(session: Session, fact: type[SQLModel], key: Key, now: datetime) -> int:
    rows = batches.table(fact)
    statement = sa.update(rows).where(rows.c.voided_at.is_(None)).values(voided_at=now)
    return batches.update(session, statement, rows, [key], column="import_id")


def _end_items(session: Session, key: Key, now: datetime) -> None:
    """Of the import's own courses everything open is withdrawn."""
    items, courses = batches.table(Item), batches.table(Course)
    own = sa.select(courses.c.id).where(batches.among(courses, [key], column="import_id"))
    query = sa.select(items.c.clinic_id, items.c.id).where(
        items.c.clinic_id == key[0], items.c.course_id.in_(own)
    )
    still_open = query.where(items.c.class_.is_(None)).order_by(items.c.id).with_for_update()
    keys: list[Key] = [(row.clinic_id, row.id) for row in session.execute(still_open)]
    reminders.withdraw(session, keys, reason=REASON, now=now)
    work_items.finish_for_items(session, keys, outcome=REASON, now=now)
    _finish_work(session, key, own, now)
    batches.update(session, sa.update(items).values(class_=Class.WITHDRAWN, held=False), items, keys)


def _finish_work(session: Session, key: Key, courses: sa.Select, now: datetime) -> None:
    work, patients = batches.table(WorkItem), batches.table(Patient)
    people = sa.select(patients.c.id).where(batches.among(patients, [key], column="import_id"))
    about = sa.or_(work.c.course_id.in_(courses), work.c.patient_id.in_(people))
    unfinished = sa.update(work).where(work.c.clinic_id == key[0], work_items.UNFINISHED, about)
    session.execute(unfinished.values(state=WorkState.DONE, closed_at=now, outcome=REASON))


def _others(session: Session, key: Key) -> list[Key]:
    """Courses of earlier records that got events or results from this import."""
    courses, events, results = (batches.table(model) for model in (Course, CourseEvent, Result))
    told = sa.select(events.c.course_id).where(batches.among(events, [key], column="import_id"))
    tested = sa.select(results.c.patient_id).where(batches.among(results, [key], column="import_id"))
    query = sa.select(courses.c.clinic_id, courses.c.id).where(
        courses.c.clinic_id == key[0],
        courses.c.import_id.is_distinct_from(key[1]),
        courses.c.voided_at.is_(None),
        sa.or_(courses.c.id.in_(told), courses.c.patient_id.in_(tested)),
    )
    return [(row.clinic_id, row.id) for row in session.execute(query)]
