"""Imports: what came in together is released together, and can be undone together.

One run of the command has one id, and a row of that id for each clinic to which it brought something.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, SQLModel, col, select, update

from db import batches, contacts, reminders, results, work_items
from db.batches import Key, Values
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
OF_A_PATIENT: tuple[type[SQLModel], ...] = (Consent, Contact, Result, Course)
REASON = "the import was undone"
LOCK = 7_262_027  # the same in every process: of two imports at once the second sees what the first wrote


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """How many facts an undoing took back, by table; the results, and the other courses it told of."""

    counts: dict[str, int]
    to_plan: list[Key]
    results: Sequence[Values]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is stored of some patients, but for what was voided."""

    contacts: dict[UUID, list[sa.Row]]  # by patient
    consents: dict[UUID, list[sa.Row]]  # by contact
    courses: dict[UUID, list[sa.Row]]  # by patient, the first begun first
    events: dict[UUID, list[sa.Row]]  # by course
    results: dict[UUID, list[sa.Row]]  # by patient


def alone(session: Session) -> None:
    """Let no other import begin until the commit. SQLite's writers are alone anyway."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


def known(session: Session, keys: Sequence[Key]) -> Known:
    """All that is stored of these patients, for a comparison with what comes in."""
    started = _facts(session, Course, "patient_id", keys, order="start")
    begun = [(row.clinic_id, row.id) for rows in started.values() for row in rows]
    return Known(
        contacts=contacts.of_patients(session, keys),
        consents=_by_contact(_facts(session, Consent, "patient_id", keys)),
        courses=started,
        events=_facts(session, CourseEvent, "course_id", begun),
        results=results.of_patients(session, keys),
    )


def _facts(
    session: Session, fact: type[SQLModel], column: str, keys: Sequence[Key], *, order: str = "id"
) -> dict[UUID, list[sa.Row]]:
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, _standing(fact, order), batches.table(fact), keys, column=column):
        found[getattr(row, column)].append(row)
    return found


@cache
def _standing(fact: type[SQLModel], order: str) -> sa.Select:
    rows = batches.table(fact)
    return sa.select(rows).where(rows.c.voided_at.is_(None)).order_by(rows.c[order], rows.c.id)


def _by_contact(by_patient: dict[UUID, list[sa.Row]]) -> dict[UUID, list[sa.Row]]:
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for rows in by_patient.values():
        for row in rows:
            found[row.contact_id].append(row)
    return found


def get(session: Session, clinic_id: UUID, import_id: UUID) -> Import | None:
    return session.get(Import, (clinic_id, import_id))


def of_clinic(session: Session, clinic_id: UUID) -> list[Import]:
    mine = select(Import).where(col(Import.clinic_id) == clinic_id).order_by(col(Import.id))
    return list(session.exec(mine))


def every(session: Session) -> list[Import]:
    """Every run's rows, the newest run first."""
    return list(session.exec(select(Import).order_by(col(Import.id).desc(), col(Import.clinic_id))))


def of_run(session: Session, import_id: UUID) -> list[Import]:
    mine = select(Import).where(col(Import.id) == import_id)
    return list(session.exec(mine.order_by(col(Import.clinic_id))))


def open_items(session: Session, key: Key) -> list[Key]:
    """The open items of the courses that came with an import."""
    items, courses = batches.table(Item), batches.table(Course)
    own = sa.and_(courses.c.clinic_id == items.c.clinic_id, courses.c.id == items.c.course_id)
    query = sa.select(items.c.clinic_id, items.c.id).join_from(items, courses, own)
    mine = query.where(batches.same(courses, key, column="import_id"), courses.c.voided_at.is_(None))
    return [(row.clinic_id, row.id) for row in session.execute(mine.where(items.c.class_.is_(None)))]


def built_on(session: Session, key: Key) -> set[UUID]:
    """The other imports that told something of this one's patients or courses, and were not undone."""
    people, own = _ids(Patient, key), _ids(Course, key)
    found = {id_ for fact in OF_A_PATIENT for id_ in _told(session, fact, "patient_id", people)}
    return (found | set(_told(session, CourseEvent, "course_id", own))) - {key[1]}


def _ids(fact: type[SQLModel], key: Key) -> sa.Select:
    rows = batches.table(fact)
    return sa.select(rows.c.id).where(batches.same(rows, key, column="import_id"))


def _told(session: Session, fact: type[SQLModel], column: str, ids: sa.Select) -> Sequence[UUID]:
    rows = batches.table(fact)
    query = sa.select(rows.c.import_id).where(rows.c[column].in_(ids), rows.c.voided_at.is_(None))
    return session.scalars(query.where(rows.c.import_id.is_not(None)).distinct()).all()


def release(session: Session, key: Key, *, by: str, now: datetime) -> bool:
    """Let an import's reminders go out; False when it was released or undone before."""
    return _mark(session, key, {"released_at": now, "released_by": by}, "released_at", "undone_at")


def undo(session: Session, key: Key, *, by: str, now: datetime) -> Undone | None:
    """Void every fact of the import, and end what waits for them; None when it was undone before."""
    if not _mark(session, key, {"undone_at": now, "undone_by": by}, "undone_at"):
        return None
    _end_items(session, key, now)
    taken, others = _end_findings(session, key, now), _others(session, key)
    counts = {str(fact.__tablename__): _void(session, fact, key, now) for fact in FACTS}
    return Undone(counts=counts, to_plan=others, results=taken)


def _mark(session: Session, key: Key, values: dict[str, object], *unset: str) -> bool:
    imports = batches.table(Import)
    conditions = (imports.c[name].is_(None) for name in unset)
    statement = update(Import).where(batches.same(imports, key), *conditions).values(values)
    return session.exec(statement).rowcount == 1


def _void(session: Session, fact: type[SQLModel], key: Key, now: datetime) -> int:
    rows = batches.table(fact)
    statement = sa.update(rows).where(rows.c.voided_at.is_(None)).values(voided_at=now)
    return batches.update(session, statement, rows, [key], column="import_id")


def _end_items(session: Session, key: Key, now: datetime) -> None:
    """Of the import's own courses every item is withdrawn, so that none is counted."""
    items = batches.table(Item)
    own = _ids(Course, key)
    query = sa.select(items.c.clinic_id, items.c.id).where(
        items.c.clinic_id == key[0], items.c.course_id.in_(own)
    )
    keys: list[Key] = [
        (row.clinic_id, row.id) for row in session.execute(query.order_by(items.c.id).with_for_update())
    ]
    reminders.withdraw(session, keys, reason=REASON, now=now)
    work_items.finish_for_items(session, keys, outcome=REASON, now=now)
    _finish_work(session, key, own, now)
    batches.update(session, sa.update(items).values(class_=Class.WITHDRAWN, held=False), items, keys)


def _finish_work(session: Session, key: Key, courses: sa.Select, now: datetime) -> None:
    work = batches.table(WorkItem)
    about = sa.or_(work.c.course_id.in_(courses), work.c.patient_id.in_(_ids(Patient, key)))
    unfinished = sa.update(work).where(work.c.clinic_id == key[0], work_items.UNFINISHED, about)
    session.execute(unfinished.values(state=WorkState.DONE, closed_at=now, outcome=REASON))


def _end_findings(session: Session, key: Key, now: datetime) -> list[Values]:
    """What the import's results had a person look at; gives back these results."""
    rows = batches.table(Result)
    found = session.execute(sa.select(rows).where(batches.same(rows, key, column="import_id"))).all()
    work_items.take_back(session, results.findings(session, found), why=REASON, now=now)
    taken: list[Values] = [dict(row._mapping) for row in found]
    results.withdrawn(session, taken, why=REASON, now=now)
    return taken


def _others(session: Session, key: Key) -> list[Key]:
    """Courses of earlier records that got events or results from this import."""
    courses, events, results = (batches.table(model) for model in (Course, CourseEvent, Result))
    told = sa.select(events.c.course_id).where(batches.same(events, key, column="import_id"))
    tested = sa.select(results.c.patient_id).where(batches.same(results, key, column="import_id"))
    query = sa.select(courses.c.clinic_id, courses.c.id).where(
        courses.c.clinic_id == key[0],
        courses.c.import_id.is_distinct_from(key[1]),
        courses.c.voided_at.is_(None),
        sa.or_(courses.c.id.in_(told), courses.c.patient_id.in_(tested)),
    )
    return [(row.clinic_id, row.id) for row in session.execute(query)]
