"""Under which protocol version and flags courses stand or stood: as enrolled, and as changed since."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, protocols, results
from db.batches import Key, Values
from db.tables import Course, CourseEvent, CourseVersion
from schedules import facts, pairs
from schedules.facts import EventType, Former
from schedules.pairs import Beside
from schedules.protocol import Protocol

Pinned = Mapping[tuple[UUID, str], Protocol]


def standing(
    session: Session, rows: Sequence[sa.Row], *, at: datetime | None = None, column: str = "id"
) -> dict[UUID, facts.Course]:
    """The courses of these rows, by id, as they stand or stood `at` a past moment; `column` has the id."""
    moved = _moved(session, [(row.clinic_id, row._mapping[column]) for row in rows], at)
    hashes = {(row.clinic_id, row.protocol_hash) for row in rows}
    hashes |= {(row.clinic_id, row.protocol_hash) for some in moved.values() for row in some}
    pinned = protocols.built(session, hashes)
    asked = any(not one.flags_asked.isdisjoint(pairs.FLAGS.values()) for one in pinned.values())
    beside = _beside(session, rows, at) if asked else {}
    found = {}
    for row in rows:
        id_ = row._mapping[column]
        others = [one for other, one in beside.get(row.patient_id, ()) if other != id_]
        found[id_] = _course(row, moved.get(id_, ()), others, pinned)
    return found


def _course(row: sa.Row, moved: Sequence[sa.Row], others: Sequence[Beside], pinned: Pinned) -> facts.Course:
    own, protocol = frozenset(row.flags), pinned[row.clinic_id, row.protocol_hash]
    marks: dict[date, dict[str, Any]] = defaultdict(dict)
    for day, flags in pairs.changes(others).items():
        marks[max(day, row.start)]["beside"] = flags
    for change in moved:
        marks[change.on]["protocol"] = pinned[change.clinic_id, change.protocol_hash]
    earlier, beside, flags = list[Former](), frozenset[str](), own
    for day in sorted(marks):
        now, beside = marks[day].get("protocol", protocol), marks[day].get("beside", beside)
        also = own | (beside & now.flags_asked)
        if day > row.start and (now is not protocol or also != flags):
            earlier.append(Former(protocol=protocol, flags=flags, until=day))
        protocol, flags = now, also
    return facts.Course(
        protocol=protocol, start=row.start, indication=row.indication, flags=flags,
        enrolled=row.enrolled, monitored_since=row.monitored_since, earlier=tuple(earlier),
    )  # fmt: skip


def _moved(session: Session, keys: Sequence[Key], at: datetime | None) -> dict[UUID, list[sa.Row]]:
    changes = batches.table(CourseVersion)
    known = _changes() if at is None else _changes().where(changes.c.recorded_at <= at)
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, known, changes, keys, column="course_id"):
        found[row.course_id].append(row)
    return found


@cache
def _changes() -> sa.Select:
    changes = batches.table(CourseVersion)
    return sa.select(changes).order_by(changes.c.on, changes.c.recorded_at, changes.c.id)


def _beside(
    session: Session, rows: Sequence[sa.Row], at: datetime | None
) -> dict[UUID, list[tuple[UUID, Beside]]]:
    """Of these patients the courses that set a flag on others, by patient."""
    ours = batches.table(Course)
    query = sa.select(*(ours.c[name] for name in ("clinic_id", "id", "patient_id", "medicine", "start")))
    setting = query.where(results.standing(ours, at), ours.c.medicine.in_(list(pairs.FLAGS)))
    people = sorted({(row.clinic_id, row.patient_id) for row in rows})
    courses = list(batches.fetch(session, setting, ours, people, column="patient_id"))
    stopped = _stopped(session, [(row.clinic_id, row.id) for row in courses], at)
    found: dict[UUID, list[tuple[UUID, Beside]]] = defaultdict(list)
    for row in courses:
        one = Beside(medicine=row.medicine, start=row.start, end=stopped.get(row.id))
        found[row.patient_id].append((row.id, one))
    return found


def _stopped(session: Session, keys: Sequence[Key], at: datetime | None) -> dict[UUID, date]:
    events = batches.table(CourseEvent)
    query = sa.select(events.c.course_id, events.c.on).where(events.c.type == EventType.STOP)
    known = query.where(results.standing(events, at))
    return {row.course_id: row.on for row in batches.fetch(session, known, events, keys, column="course_id")}


def with_pairs(session: Session, keys: Sequence[Key]) -> list[Key]:
    """These courses, and those of their patients that have a flag because of one of them."""
    rows = batches.fetch(session, _pairs(), batches.table(Course), keys)
    more = {(row.clinic_id, row.id) for row in rows}
    return [*keys, *sorted(more - set(keys))]


@cache
def _pairs() -> sa.Select:
    one, other = batches.table(Course), batches.table(Course).alias("other")
    theirs = sa.and_(other.c.clinic_id == one.c.clinic_id, other.c.patient_id == one.c.patient_id)
    query = sa.select(other.c.clinic_id, other.c.id).join_from(one, other, theirs)
    names = list(pairs.FLAGS)
    return query.where(one.c.medicine.in_(names), other.c.medicine.in_(names), other.c.voided_at.is_(None))


def move(session: Session, rows: Sequence[Values]) -> None:
    """Put courses under another version from a day on: appended, never changed."""
    batches.insert(session, CourseVersion, rows)
