"""Hand-overs: whose monitoring is offered to whom, and what was answered."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key, Values
from db.tables import Clinic, Course, HandOver, HandOverState, Item, Patient

OFFERED = sa.text("hand_over.state = 'offered'")
TAKEN = (HandOverState.ACCEPTED, HandOverState.RETURNED)


def add(session: Session, row: Values) -> UUID:
    [stored] = batches.insert(session, HandOver, [row])
    return UUID(str(stored["id"]))


def one(session: Session, clinic_id: UUID, id_: UUID, *, lock: bool = False) -> sa.Row | None:
    """The hand-over of that id, of the clinic that offers or of the one that is asked."""
    rows = batches.table(HandOver)
    query = sa.select(rows).where(_concerns(rows, clinic_id), rows.c.id == id_)
    return session.execute(query.with_for_update() if lock else query).one_or_none()


def listed(session: Session, clinic_id: UUID, id_: UUID | None = None) -> Sequence[sa.Row]:
    """What the clinic offered or was offered, what waits first, with whose it is and the next due day."""
    rows, patients, courses, items = (batches.table(each) for each in (HandOver, Patient, Course, Item))
    offering, asked = batches.table(Clinic), batches.table(Clinic).alias("asked")
    due = sa.select(sa.func.min(items.c.due_on)).where(
        _same(items, "course_id", rows, "course_id"), sa.text("item.class IS NULL")
    )
    query = (
        sa.select(
            rows, offering.c.name.label("clinic"), asked.c.name.label("to_clinic"),
            *(patients.c[name] for name in ("name", "birth_date", "authority", "mrn")),
            *(courses.c[name] for name in ("medicine", "protocol_id", "start")),
            due.scalar_subquery().label("due_on"),
        )
        .join_from(rows, patients, _same(rows, "patient_id", patients, "id"))
        .join(courses, _same(rows, "course_id", courses, "id"))
        .join(offering, offering.c.id == rows.c.clinic_id)
        .join(asked, asked.c.id == rows.c.to_clinic_id, isouter=True)
        .where(_concerns(rows, clinic_id))
        .order_by(rows.c.state != HandOverState.OFFERED, rows.c.offered_at.desc(), rows.c.id.desc())
    )  # fmt: skip
    return session.execute(query if id_ is None else query.where(rows.c.id == id_)).all()


def change(session: Session, key: Key, *, was: HandOverState, **columns: Any) -> bool:
    """Set these columns of one that is in that state; False when it is not any more."""
    rows = batches.table(HandOver)
    still = rows.c.state == was
    return batches.change(session, HandOver, [{"clinic_id": key[0], "id": key[1]} | columns], still) == 1


def unanswered(session: Session, *, since: datetime) -> Sequence[sa.Row]:
    """Offers that wait since before a moment and of which nobody was told so."""
    rows = batches.table(HandOver)
    query = sa.select(rows).where(OFFERED, rows.c.offered_at <= since, rows.c.told_at.is_(None))
    return session.execute(query.order_by(rows.c.clinic_id, rows.c.course_id)).all()


def pointless(session: Session) -> Sequence[sa.Row]:
    """Offers that wait though the course has ended, or never was."""
    rows, courses = batches.table(HandOver), batches.table(Course)
    over = sa.or_(courses.c.ended_on.is_not(None), courses.c.voided_at.is_not(None))
    query = sa.select(rows).join_from(rows, courses, _same(rows, "course_id", courses, "id"))
    return session.execute(query.where(OFFERED, over).order_by(rows.c.clinic_id, rows.c.course_id)).all()


def of_course(session: Session, key: Key) -> Sequence[sa.Row]:
    """The hand-overs that took this course away, or made it, and stand."""
    rows = batches.table(HandOver)
    gone = batches.same(rows, key, column="course_id")
    returned = batches.same(rows, key, column="made_course_id")
    taken = sa.and_(rows.c.to_clinic_id == key[0], rows.c.made_course_id == key[1])
    concerns = sa.or_(gone, taken, sa.and_(returned, rows.c.to_clinic_id.is_(None)))
    return session.execute(sa.select(rows).where(rows.c.state.in_(TAKEN), concerns)).all()


def taken(session: Session, keys: Sequence[Key], *, column: str = "patient_id") -> list[sa.Row]:
    """The hand-overs that stand of these patients, or of courses by their id.

    With the clinic and the record in which the course goes on: none of the house where a practice has it.
    """
    rows, made = batches.table(HandOver), batches.table(Course)
    return list(batches.fetch(session, _with_keeper(rows, made), rows, keys, column=column))


def records(session: Session, key: Key) -> set[Key]:
    """The other records of a patient that hand-overs lead to or come from, however many there were."""
    rows, made = batches.table(HandOver), batches.table(Course)
    known, new = {key}, [key]
    while new:
        there = {(row.kept_in, row.kept_as) for row in taken(session, new) if row.kept_as is not None}
        into = batches.fetch(session, _with_keeper(rows, made), made, new, column="patient_id")
        new = sorted((there | {(row.clinic_id, row.patient_id) for row in into}) - known)
        known.update(new)
    return known - {key}


def _with_keeper(rows: sa.Table, made: sa.Table) -> sa.Select:
    keeps = sa.func.coalesce(rows.c.to_clinic_id, rows.c.clinic_id, type_=rows.c.clinic_id.type)
    goes_on = sa.and_(made.c.clinic_id == keeps, made.c.id == rows.c.made_course_id)
    query = sa.select(rows, made.c.clinic_id.label("kept_in"), made.c.patient_id.label("kept_as"))
    query = query.join_from(rows, made, goes_on, isouter=True).where(rows.c.state.in_(TAKEN))
    return query.order_by(rows.c.clinic_id, rows.c.id)


def _concerns(rows: sa.Table, clinic_id: UUID) -> sa.ColumnElement[bool]:
    """What was withdrawn the clinic that was asked sees no more."""
    asked = sa.and_(rows.c.to_clinic_id == clinic_id, rows.c.state != HandOverState.WITHDRAWN)
    return sa.or_(rows.c.clinic_id == clinic_id, asked)


def _same(one: sa.Table, column: str, other: sa.Table, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(one.c.clinic_id == other.c.clinic_id, one.c[column] == other.c[key])
