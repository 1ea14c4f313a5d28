"""Patients: who they are, when and where they may be reached."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, update

from db import batches
from db.batches import Key
from db.tables import EndReason, Patient


def get(session: Session, clinic_id: UUID, patient_id: UUID) -> Patient | None:
    return session.get(Patient, (clinic_id, patient_id))


def of(session: Session, keys: Sequence[Key]) -> dict[UUID, sa.Row]:
    """Rows of patients by id."""
    patients = batches.table(Patient)
    rows = batches.fetch(session, sa.select(patients), patients, keys)
    return {row.id: row for row in rows}


def by_number(
    session: Session, clinic_id: UUID, numbers: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], UUID]:
    """The ids of the patients with those (authority, mrn); one that was voided does not count."""
    patients = batches.table(Patient)
    found: dict[tuple[str, str], UUID] = {}
    for batch in batches.batched(numbers):
        known = sa.and_(
            patients.c.clinic_id == clinic_id,
            sa.tuple_(patients.c.authority, patients.c.mrn).in_(batch),
            patients.c.voided_at.is_(None),
        )
        rows = session.execute(sa.select(patients.c.authority, patients.c.mrn, patients.c.id).where(known))
        found |= {(row.authority, row.mrn): row.id for row in rows}
    return found


def end(session: Session, key: Key, *, on: date, reason: EndReason, now: datetime) -> bool:
    """Everything ends for this patient; False when it had ended for this reason before."""
    clinic_id, patient_id = key
    changed = session.exec(
        update(Patient)
        .where(col(Patient.clinic_id) == clinic_id, col(Patient.id) == patient_id)
        .where(col(Patient.ended_reason).is_distinct_from(reason))
        .values(ended_on=on, ended_reason=reason, ended_recorded_at=now)
    )
    return changed.rowcount == 1
