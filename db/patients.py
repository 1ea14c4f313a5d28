"""Patients: who they are, when and where they may be reached."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, update

from db import batches
from db.batches import Key
from db.tables import Clinic, EndReason, Patient

HOURS = ("clinic_id", "id", "time_zone", "preferred_time", "quiet_start", "quiet_end")


def get(session: Session, clinic_id: UUID, patient_id: UUID) -> Patient | None:
    return session.get(Patient, (clinic_id, patient_id))


def one(session: Session, id_: UUID) -> sa.Row | None:
    """The patient of that id, of whichever clinic: a link names no other."""
    patients, clinics = batches.table(Patient), batches.table(Clinic)
    query = sa.select(patients).where(patients.c.clinic_id.in_(sa.select(clinics.c.id)), patients.c.id == id_)
    return session.execute(query.where(patients.c.voided_at.is_(None))).one_or_none()


def row(session: Session, key: Key) -> sa.Row | None:
    """The patient's row, unless it was voided."""
    return session.connection().execute(_row(), dict(zip(batches.KEY, key, strict=True))).one_or_none()


@cache
def _row() -> sa.Select:
    patients = batches.table(Patient)
    return sa.select(patients).where(batches.bound(patients, *batches.KEY), patients.c.voided_at.is_(None))


def of(session: Session, keys: Sequence[Key]) -> dict[UUID, sa.Row]:
    """Rows of patients by id."""
    patients = batches.table(Patient)
    rows = batches.fetch(session, sa.select(patients), patients, keys)
    return {row.id: row for row in rows}


def hours_of(session: Session, keys: Sequence[Key]) -> dict[UUID, sa.Row]:
    """When patients may be reached, by id."""
    patients = batches.table(Patient)
    query = sa.select(*(patients.c[name] for name in HOURS))
    return {row.id: row for row in batches.fetch(session, query, patients, keys)}


def by_number(
    session: Session, clinic_id: UUID, numbers: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """The ids of the patients with those (authority, mrn); one that was voided does not count."""
    patients, wanted = batches.table(Patient), set(numbers)
    query = sa.select(patients.c.authority, patients.c.mrn, patients.c.id).where(
        patients.c.voided_at.is_(None)
    )
    mine = query.where(patients.c.authority.in_({authority for authority, _ in numbers}))
    rows = batches.fetch(session, mine, patients, [(clinic_id, mrn) for _, mrn in numbers], column="mrn")
    return {(row.authority, row.mrn): row.id for row in rows if (row.authority, row.mrn) in wanted}


def move(session: Session, key: Key, zone: str) -> None:
    batches.change(session, Patient, [{"clinic_id": key[0], "id": key[1], "time_zone": zone}])


def end(session: Session, key: Key, *, on: date, reason: EndReason, now: datetime) -> bool:
    """Everything ends for this patient; False when it had ended for this reason before."""
    clinic_id, patient_id = key
    changed = session.exec(
        update(Patient)
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
        .where(col(Patient.ended_reason).is_distinct_from(reason))
        .values(ended_on=on, ended_reason=reason, ended_recorded_at=now, version=Patient.version + 1)
    )
    return changed.rowcount == 1


def find(
    session: Session,
    clinic_id: UUID,
    *,
    mrn: str | None,
    former: Collection[UUID] = (),
    name: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[sa.Row]:
    """Of one clinic, the first entered first: with this number now or formerly, or this in the name."""
    rows = batches.table(Patient)
    query = sa.select(rows).where(rows.c.clinic_id == clinic_id, rows.c.voided_at.is_(None))
    if mrn is not None:
        query = query.where(sa.or_(rows.c.mrn == mrn, rows.c.id.in_(former)))
    if name is not None:
        query = query.where(sa.func.lower(rows.c.name).contains(name.lower(), autoescape=True))
    if after is not None:
        query = query.where(rows.c.id > after)
    return session.execute(query.order_by(rows.c.id).limit(limit)).all()


def change(session: Session, key: Key, columns: Mapping[str, Any], *, version: int) -> bool:
    """Set these columns of that version of a patient; False when it is another by now."""
    clinic_id, patient_id = key
    changed = session.exec(
        update(Patient)
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
        .where(col(Patient.version) == version, col(Patient.voided_at).is_(None))
        .values(**columns, version=version + 1)
    )
    return changed.rowcount == 1


def lock(session: Session, key: Key) -> None:
    """Let nobody else plan a course of this patient until the commit."""
    patients = batches.table(Patient)
    mine = sa.select(patients.c.id).where(batches.same(patients, key))
    session.execute(mine.with_for_update(key_share=True)).all()


def go_on(session: Session, key: Key) -> bool:
    """The patient's end was a mistake; False when there was none."""
    clinic_id, patient_id = key
    changed = session.exec(
        update(Patient)
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
        .where(col(Patient.ended_reason).is_not(None))
        .values(ended_on=None, ended_reason=None, ended_recorded_at=None, version=Patient.version + 1)
    )
    return changed.rowcount == 1
