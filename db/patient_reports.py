"""What patients told by themselves, and what was decided on its proposals."""

from collections.abc import Sequence
from typing import cast

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key
from db.tables import Attempt, Contact, PatientReport

WRONG_NUMBER = "wrong-number"


def of_patient(session: Session, patient: Key) -> Sequence[sa.Row]:
    """The newest first."""
    told = batches.table(PatientReport)
    query = sa.select(told).where(batches.same(told, patient, column="patient_id"))
    return session.execute(query.order_by(told.c.at.desc(), told.c.id.desc())).all()


def one(session: Session, key: Key) -> sa.Row | None:
    told = batches.table(PatientReport)
    return session.execute(sa.select(told).where(batches.same(told, key))).one_or_none()


def decide(session: Session, key: Key, **columns: object) -> bool:
    """Write down a decision; False when somebody was first."""
    told = batches.table(PatientReport)
    undecided = sa.update(told).where(batches.same(told, key), told.c.decided_at.is_(None))
    return cast(sa.CursorResult, session.execute(undecided.values(columns))).rowcount == 1


def is_disowned(session: Session, message: Key) -> bool:
    """Somebody said that the address of this message is not the patient's, and nobody put that right."""
    told, tries, contacts = (batches.table(model) for model in (PatientReport, Attempt, Contact))
    there = sa.select(tries.c.contact_id).where(batches.same(tries, message, column="message_id"))
    of_contact = sa.and_(contacts.c.clinic_id == told.c.clinic_id, contacts.c.id == told.c.contact_id)
    query = (
        sa.select(told.c.id)
        .join_from(told, contacts, of_contact)
        .where(told.c.clinic_id == message[0], told.c.kind == WRONG_NUMBER, contacts.c.bad_since.is_not(None))
        .where(sa.or_(told.c.message_id == message[1], told.c.contact_id.in_(there)))
    )
    return session.execute(query.limit(1)).first() is not None
