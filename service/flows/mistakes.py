"""An entry was a mistake: it is marked by a new fact, and stays as it was for who asks about the past."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from db import audit, batches, courses, items, patients, reminders, results, work_items
from db.batches import Key
from db.tables import Consent, Contact, Course, CourseEvent, Result
from schedules.facts import Class
from schedules.plan import FAREWELLS
from service.errors import Problem
from service.flows import differences, forwarding, hand_overs, merges, obligations, reach, rejudged
from service.flows.courses import NOTHING_HERE, patient, replan
from service.flows.differences import Difference

IN_ERROR = "it was entered in error"
MARKED = "The result was entered in error."


class Entry(StrEnum):
    EVENT = "event"
    RESULT = "result"
    COURSE = "course"
    CONTACT = "contact"
    CONSENT = "consent"
    END = "end"  # of the patient
    MERGE = "merge"  # by the former record's id


TABLES: Mapping[Entry, type[SQLModel]] = MappingProxyType(
    {
        Entry.EVENT: CourseEvent,
        Entry.RESULT: Result,
        Entry.COURSE: Course,
        Entry.CONTACT: Contact,
        Entry.CONSENT: Consent,
    }
)


def take_back(
    session: Session,
    key: Key,
    entry: Entry,
    id_: UUID | None,
    *,
    confirmed: bool,
    reason: str,
    by: str,
    now: datetime,
) -> Difference:
    """Problem when the patient has no such entry, or what is left contradicts itself.

    With a course its monitoring ends: unless that is confirmed nothing may be open.
    """
    patients.lock(session, key)
    patient(session, key)
    if entry is Entry.COURSE and not confirmed:
        obligations.confirm(session, [key], now=now)
    detail = {"entry": entry.value, "id": str(id_), "reason": reason}
    subject = ("patient", str(key[1]))
    audit.record(session, key[0], by, "entered in error", subject=subject, now=now, detail=detail)
    if entry is Entry.MERGE:
        return merges.take_apart(session, key, id_, now=now)
    before = differences.look(session, key)
    replan(session, _void(session, key, entry, id_, now), now=now)
    reach.look(session, [key], now=now)
    return differences.since(before, session, key)


def _void(session: Session, key: Key, entry: Entry, id_: UUID | None, now: datetime) -> Sequence[Key]:
    """Mark it; the courses that are to be planned again."""
    mine = courses.of_patients(session, [key])
    if entry is Entry.END:
        if not patients.go_on(session, key):
            raise Problem(409, "The patient has no end that could be taken back.")
        return mine
    row = _row(session, key, TABLES[entry], id_)
    if row.voided_at is not None:
        raise Problem(409, "It is marked as entered in error already.")
    if entry is Entry.COURSE or (entry is Entry.EVENT and row.type in FAREWELLS):
        hand_overs.keep(session, (key[0], row.id if entry is Entry.COURSE else row.course_id))
    table = batches.table(TABLES[entry])
    batches.update(session, sa.update(table).values(voided_at=now), table, [(key[0], row.id)])
    if entry is Entry.RESULT:
        work_items.remark(session, results.findings(session, [row]), MARKED)
        rows = [dict(row._mapping)]
        results.withdrawn(session, rows, why=IN_ERROR, now=now)
        rejudged.again(session, rows, now=now, cause=rejudged.TAKEN_BACK)
        forwarding.taken_back(session, row, now=now)
    elif entry is Entry.COURSE:
        _withdraw(session, (key[0], row.id), now)
    if entry is Entry.EVENT:
        return [(key[0], row.course_id)]
    return [] if entry is Entry.CONTACT else mine


def _row(session: Session, key: Key, model: type[SQLModel], id_: UUID | None) -> sa.Row:
    """The patient's own entry of that id."""
    rows, owners = batches.table(model), batches.table(Course)
    query = sa.select(rows) if id_ is not None else sa.select(rows).where(sa.false())
    if model is CourseEvent:
        of_course = sa.and_(owners.c.clinic_id == rows.c.clinic_id, owners.c.id == rows.c.course_id)
        query = query.join(owners, of_course).where(owners.c.patient_id == key[1])
    else:
        query = query.where(rows.c.patient_id == key[1])
    found = list(batches.fetch(session, query, rows, [(key[0], id_)]))
    if not found:
        raise Problem(404, NOTHING_HERE)
    return found[0]


def _withdraw(session: Session, key: Key, now: datetime) -> None:
    """Of a course that never was every item is withdrawn, so that none is counted and nothing is said."""
    rows = items.of_courses(session, [key]).get(key[1], [])
    keys = [row.key for row in rows]
    items.lock_open(session, keys)
    reminders.withdraw(session, keys, reason=IN_ERROR, now=now)
    gone = [replace(row, item=replace(row.item, class_=Class.WITHDRAWN, held=False)) for row in rows]
    items.write(session, changed=gone)
    work_items.finish_for_items(session, keys, outcome=IN_ERROR, now=now)
    asked = sorted(work_items.of_plans(session, [key]))
    work_items.finish(session, asked, outcome=work_items.NO_LONGER_ASKED, now=now)
