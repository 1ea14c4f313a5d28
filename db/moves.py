"""Moves to another version of a protocol: who stands under which, and how far a move has come."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key, Values
from db.tables import Course, CourseVersion, Patient, ProtocolMove


def add(session: Session, row: Values) -> UUID:
    [stored] = batches.insert(session, ProtocolMove, [row])
    return UUID(str(stored["id"]))


def one(session: Session, key: Key, *, lock: bool = False) -> sa.Row | None:
    """Nobody else carries out a locked one until the commit."""
    rows = batches.table(ProtocolMove)
    query = sa.select(rows).where(batches.same(rows, key))
    return session.execute(query.with_for_update() if lock else query).one_or_none()


def unfinished(session: Session) -> Sequence[sa.Row]:
    """Those that were approved and are not carried out yet, of every clinic."""
    rows = batches.table(ProtocolMove)
    query = sa.select(rows).where(rows.c.approved_at.is_not(None), rows.c.finished_at.is_(None))
    return session.execute(query.order_by(rows.c.approved_at)).all()


def change(session: Session, key: Key, **columns: Any) -> None:
    batches.change(session, ProtocolMove, [{"clinic_id": key[0], "id": key[1]} | columns])


def going_on(session: Session, clinic_id: UUID) -> list[Key]:
    """The clinic's courses that have not ended."""
    ours = batches.table(Course)
    query = sa.select(ours.c.clinic_id, ours.c.id).where(ours.c.clinic_id == clinic_id)
    those = query.where(ours.c.voided_at.is_(None), ours.c.ended_on.is_(None)).order_by(ours.c.id)
    return [(row.clinic_id, row.id) for row in session.execute(those)]


def under(session: Session, keys: Sequence[Key], hash_: str) -> list[Key]:
    """Those of the courses that stand under this version."""
    ours, changes = batches.table(Course), batches.table(CourseVersion)
    begun = sa.select(ours.c.id, ours.c.protocol_hash)
    moved = sa.select(changes.c.course_id, changes.c.protocol_hash)
    ordered = moved.order_by(changes.c.on, changes.c.recorded_at, changes.c.id)
    now = {row.id: row.protocol_hash for row in batches.fetch(session, begun, ours, keys)}
    for row in batches.fetch(session, ordered, changes, keys, column="course_id"):
        now[row.course_id] = row.protocol_hash
    return [key for key in keys if now.get(key[1]) == hash_]


def moved(session: Session, key: Key) -> int:
    """How many courses the move has put under the new version so far."""
    changes = batches.table(CourseVersion)
    query = sa.select(sa.func.count()).where(changes.c.clinic_id == key[0], changes.c.move_id == key[1])
    return session.scalar(query) or 0


def record(session: Session, rows: Sequence[Values]) -> None:
    """Put courses under another version from a day on."""
    batches.insert(session, CourseVersion, rows)


def owners(session: Session, keys: Sequence[Key]) -> dict[UUID, sa.Row]:
    """By course its patient and the zone."""
    ours, patients = batches.table(Course), batches.table(Patient)
    mine = sa.and_(patients.c.clinic_id == ours.c.clinic_id, patients.c.id == ours.c.patient_id)
    columns = (ours.c.clinic_id, ours.c.id, ours.c.patient_id, patients.c.time_zone)
    query = sa.select(*columns).join_from(ours, patients, mine)
    return {row.id: row for row in batches.fetch(session, query, ours, keys)}
