"""Courses and all that is known of them: what `plan()` is given."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, lru_cache
from itertools import islice
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, results, versions
from db.batches import Key, Values
from db.tables import Course, CourseEvent, Import, Patient
from schedules import facts
from schedules.days import Duration, local_day, zone
from schedules.facts import Draw, Event, EventType

EASTERNMOST = timedelta(hours=14)  # how far local days are ahead of UTC at most


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFacts:
    """One course with its events and its patient's draws."""

    clinic_id: UUID
    id: UUID
    patient_id: UUID
    time_zone: str
    medicine: str
    course: facts.Course
    events: tuple[Event, ...]
    draws: tuple[Draw, ...]
    dose: str | None = None  # at the start
    attested: frozenset[str] = frozenset()  # of the protocol's baseline

    @property
    def key(self) -> Key:
        return self.clinic_id, self.id


def lock(session: Session, keys: Sequence[Key]) -> None:
    """Let nobody else plan a course of these patients until the commit. SQLite's writers are alone anyway."""
    owners = batches.fetch(session, _owners(), batches.table(Course), keys)
    people = sorted({(row.clinic_id, row.patient_id) for row in owners})
    for _ in batches.fetch(session, _locking(), batches.table(Patient), people):
        pass


@cache
def _owners() -> sa.Select:
    courses = batches.table(Course)
    return sa.select(courses.c.clinic_id, courses.c.patient_id)


@cache
def _locking() -> sa.Select:
    patients = batches.table(Patient)
    query = sa.select(patients.c.id).order_by(patients.c.clinic_id, patients.c.id)
    return query.with_for_update(key_share=True)  # who adds a row about the patient need not wait


def known(session: Session, keys: Sequence[Key], *, at: datetime | None = None) -> list[CourseFacts]:
    """All that is known of these courses, or was known `at` a past moment, but for those that were voided."""
    rows = list(_courses(session, keys, at))
    stands = versions.standing(session, rows, at=at)
    happened = _events(session, [(row.clinic_id, row.id) for row in rows], at)
    drawn = results.draws(session, list({(row.clinic_id, row.patient_id) for row in rows}), at=at)
    return [
        CourseFacts(
            clinic_id=row.clinic_id,
            id=row.id,
            patient_id=row.patient_id,
            time_zone=row.time_zone,
            medicine=row.medicine,
            course=stands[row.id],
            events=(*happened[row.id], *_ending(row)),
            draws=drawn.get(row.patient_id, ()),
            dose=row.dose,
            attested=frozenset((row.baseline or {}).get("attested", ())),
        )
        for row in rows
    ]


def of_patients(session: Session, keys: Sequence[Key]) -> list[Key]:
    """The keys of the patients' courses: what a result concerns."""
    rows = batches.fetch(session, _keys(), batches.table(Course), keys, column="patient_id")
    return [(row.clinic_id, row.id) for row in rows]


@cache
def _keys() -> sa.Select:
    courses = batches.table(Course)
    return sa.select(courses.c.clinic_id, courses.c.id).where(courses.c.voided_at.is_(None))


def on_medicine(session: Session, keys: Sequence[Key]) -> set[Key]:
    """Those of the patients who have a course that has not ended, and whose import, if any, was released."""
    courses, patients, imports = batches.table(Course), batches.table(Patient), batches.table(Import)
    of_patient = sa.and_(patients.c.clinic_id == courses.c.clinic_id, patients.c.id == courses.c.patient_id)
    of_import = sa.and_(imports.c.clinic_id == courses.c.clinic_id, imports.c.id == courses.c.import_id)
    released = sa.or_(courses.c.import_id.is_(None), imports.c.released_at.is_not(None))
    here = (patients.c.ended_on.is_(None), patients.c.voided_at.is_(None))
    goes_on = (courses.c.ended_on.is_(None), courses.c.voided_at.is_(None))
    query = sa.select(courses.c.clinic_id, courses.c.patient_id).join_from(courses, patients, of_patient)
    query = query.join(imports, of_import, isouter=True).where(*here, *goes_on, released)
    rows = batches.fetch(session, query, courses, keys, column="patient_id")
    return {(row.clinic_id, row.patient_id) for row in rows}


def of_clinic(session: Session, clinic_id: UUID) -> list[Key]:
    courses = batches.table(Course)
    query = sa.select(courses.c.clinic_id, courses.c.id)
    mine = query.where(courses.c.clinic_id == clinic_id, courses.c.voided_at.is_(None))
    return [(row.clinic_id, row.id) for row in session.execute(mine.order_by(courses.c.id))]


def unreleased(session: Session, keys: Sequence[Key]) -> set[UUID]:
    """Those of the courses that came with an import which nobody has released yet."""
    return {row.id for row in batches.fetch(session, _waiting(), batches.table(Course), keys)}


@cache
def _waiting() -> sa.Select:
    courses, imports = batches.table(Course), batches.table(Import)
    of_import = sa.and_(imports.c.clinic_id == courses.c.clinic_id, imports.c.id == courses.c.import_id)
    query = sa.select(courses.c.id).join_from(courses, imports, of_import)
    return query.where(imports.c.released_at.is_(None))


def to_replan(session: Session, *, now: datetime, limit: int) -> list[Key]:
    """Courses whose plan changes by itself on their patient's today, or did before."""
    courses, patients = batches.table(Course), batches.table(Patient)
    mine = sa.and_(patients.c.clinic_id == courses.c.clinic_id, patients.c.id == courses.c.patient_id)
    query = (
        sa.select(courses.c.clinic_id, courses.c.id, courses.c.replan_on, patients.c.time_zone)
        .join_from(courses, patients, mine)
        .where(courses.c.replan_on <= (now + EASTERNMOST).date(), courses.c.voided_at.is_(None))
        .order_by(courses.c.replan_on)
    )
    due = (
        (row.clinic_id, row.id)
        for row in session.execute(query)
        if row.replan_on <= local_day(now, zone(row.time_zone))
    )
    return list(islice(due, limit))


def planned(session: Session, rows: Sequence[Values]) -> int:
    """Store what a new plan said of each course: `clinic_id`, `id`, `replan_on`, `ended_on`."""
    return batches.change(session, Course, rows)


def _courses(session: Session, keys: Sequence[Key], at: datetime | None) -> Sequence[sa.Row]:
    return list(batches.fetch(session, _with_patient(at), batches.table(Course), keys))


@lru_cache(maxsize=16)
def _with_patient(at: datetime | None) -> sa.Select:
    courses, patients = batches.table(Course), batches.table(Patient)
    mine = sa.and_(patients.c.clinic_id == courses.c.clinic_id, patients.c.id == courses.c.patient_id)
    return (
        sa.select(
            courses,
            patients.c.time_zone,
            patients.c.ended_on.label("left_on"),
            patients.c.ended_reason,
            patients.c.ended_recorded_at,
        )
        .join_from(courses, patients, mine)
        .where(results.standing(courses, at))
    )


def _events(session: Session, keys: Sequence[Key], at: datetime | None) -> dict[UUID, list[Event]]:
    found: dict[UUID, list[Event]] = defaultdict(list)
    for row in batches.fetch(session, _happened(at), batches.table(CourseEvent), keys, column="course_id"):
        found[row.course_id].append(_event(row))
    return found


@lru_cache(maxsize=16)
def _happened(at: datetime | None) -> sa.Select:
    events = batches.table(CourseEvent)
    query = sa.select(events).where(results.standing(events, at))
    return query.order_by(events.c.recorded_at, events.c.id)


def _event(row: sa.Row) -> Event:
    return Event(
        on=row.on,
        type=row.type,
        recorded_at=row.recorded_at,
        clock=row.clock,
        reason=row.reason,
        review_on=row.review_on,
        every=None if row.every is None else Duration.parse(row.every),
        due_on=row.due_on,
        decided_by=row.decided_by,
        at=None if row.at_local is None else datetime.fromisoformat(row.at_local),
        ref=str(row.id),
    )


def _ending(row: sa.Row) -> Sequence[Event]:
    """A patient's death or leaving, as an event of each course."""
    if row.left_on is None:
        return ()
    kind = EventType(row.ended_reason.value)
    return (Event(on=row.left_on, type=kind, recorded_at=row.ended_recorded_at, ref=str(row.patient_id)),)
