"""Open items past their last day on time, with who they are of and what decides whom to call first."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, contacts, grouped, items, results, versions
from db.adherence import Scope
from db.batches import Key
from db.tables import Audience, Channel, Clinic, Course, Item, Patient
from schedules import facts
from schedules.facts import Draw

DAYS_APART = timedelta(days=2)  # so far can the latest day anywhere be ahead of the earliest
PHONES = (Channel.SMS, Channel.VOICE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overdue:
    clinic_id: UUID
    clinic: str
    patient_id: UUID
    name: str
    birth_date: date
    time_zone: str
    phones: tuple[str, ...]
    reachable: bool  # as the sending loop sees it
    item_id: UUID
    course_id: UUID
    item: facts.Item
    course: facts.Course
    draws: tuple[Draw, ...]


def found(session: Session, *, on: date, clinic_id: UUID | None = None) -> list[Overdue]:
    """Of one clinic or of all, those that are overdue on `on`; a held course is not.

    Days are the patient's own: ask for the latest day that it is anywhere, and look at each `time_zone`.
    """
    return _told(session, _rows(session, on, clinic_id))


def open_of(session: Session, people: Sequence[Key]) -> list[Overdue]:
    """The same of every open item of these patients but check-ins, late or not."""
    mine, courses = batches.table(Item), batches.table(Course)
    query = _of_open(*_columns(mine)).where(sa.text("item.class IS NULL"), mine.c.kind != "check-in")
    ordered = query.order_by(mine.c.last_on_time, mine.c.id)
    return _told(session, list(batches.fetch(session, ordered, courses, people, column="patient_id")))


def _told(session: Session, rows: Sequence[sa.Row]) -> list[Overdue]:
    stored = items.of(session, [(row.clinic_id, row.id) for row in rows])
    people = list({(row.clinic_id, row.patient_id) for row in rows})
    known, reached = contacts.of_patients(session, people), contacts.reachable(session, people)
    drawn = results.draws(session, people)
    stands = versions.standing(session, rows, column="course_id")
    return [
        Overdue(
            clinic_id=row.clinic_id,
            clinic=row.clinic,
            patient_id=row.patient_id,
            name=row.name,
            birth_date=row.birth_date,
            time_zone=row.time_zone,
            phones=_phones(known.get(row.patient_id, ())),
            reachable=(row.patient_id, Audience.PATIENT) in reached,
            item_id=row.id,
            course_id=row.course_id,
            item=stored[row.id].item,
            course=stands[row.course_id],
            draws=drawn.get(row.patient_id, ()),
        )
        for row in rows
    ]


def windows(session: Session, *, on: date, clinic_id: UUID | None = None) -> Sequence[sa.Row]:
    """Of the same items what tells their state: `last_on_time`, `lapses_on`, `time_zone`; how many.

    Most have the same state wherever it is: UTC stands for every zone, and no patient is looked up.
    """
    mine, earliest = batches.table(Item), on - DAYS_APART
    scope = grouped.standing_items(Scope(clinic_id=clinic_id), mine)
    changing = sa.and_(mine.c.lapses_on > earliest, mine.c.lapses_on <= on)
    sure = sa.and_(mine.c.last_on_time < earliest, sa.not_(changing))
    ends, late = (mine.c.last_on_time, mine.c.lapses_on), (*_slipped(mine, on), scope)
    many = sa.select(*ends, sa.literal("UTC").label("time_zone"), sa.func.count().label("n"))
    few = sa.select(*ends, mine.c.clinic_id, mine.c.patient_id).where(*late, sa.not_(sure))
    return session.execute(many.where(*late, sure).group_by(*ends).union_all(_by_zone(few))).all()


def _by_zone(few: sa.Select) -> sa.Select:
    """Computed first: a planner does not know that few of those so old are open."""
    late, patients = few.cte("late").prefix_with("MATERIALIZED"), batches.table(Patient)
    columns = (late.c.last_on_time, late.c.lapses_on, patients.c.time_zone)
    joined = sa.select(*columns, sa.func.count()).join_from(
        late, patients, _same(late.c.patient_id, patients)
    )
    return joined.group_by(*columns)


def _rows(session: Session, on: date, clinic_id: UUID | None) -> Sequence[sa.Row]:
    """Open items past their last day on time by `on`, of courses that are neither held nor voided."""
    late = batches.table(Item)
    query = _of_open(*_columns(late)).where(*_slipped(late, on)).order_by(late.c.last_on_time, late.c.id)
    return session.execute(query if clinic_id is None else query.where(late.c.clinic_id == clinic_id)).all()


def _columns(mine: sa.Table) -> list[Any]:
    courses, patients, clinics = (batches.table(model) for model in (Course, Patient, Clinic))
    return [
        *(mine.c[name] for name in ("clinic_id", "id", "patient_id", "course_id")),
        *(courses.c[name] for name in ("protocol_hash", "start", "indication", "flags")),
        *(courses.c[name] for name in ("enrolled", "monitored_since")),
        *(patients.c[name] for name in ("name", "birth_date", "time_zone")),
        clinics.c.name.label("clinic"),
    ]


def _of_open(*columns: Any) -> sa.Select:
    mine, courses, patients, clinics = (batches.table(model) for model in (Item, Course, Patient, Clinic))
    return (
        sa.select(*columns)
        .join_from(mine, courses, _same(mine.c.course_id, courses))
        .join(patients, _same(mine.c.patient_id, patients))
        .join(clinics, clinics.c.id == mine.c.clinic_id)
        .where(courses.c.voided_at.is_(None))
    )


def _slipped(mine: sa.Table, on: date) -> tuple[Any, ...]:
    return sa.text("item.class IS NULL"), mine.c.last_on_time < on, sa.not_(mine.c.held)


def _same(column: sa.ColumnElement[UUID], rows: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(column.table.c.clinic_id == rows.c.clinic_id, column == rows.c.id)


def _phones(rows: Sequence[sa.Row]) -> tuple[str, ...]:
    """The patient's own numbers, bad ones left out."""
    good = [row for row in rows if row.channel in PHONES and row.audience is Audience.PATIENT]
    return tuple(dict.fromkeys(row.address for row in good if row.bad_since is None))
