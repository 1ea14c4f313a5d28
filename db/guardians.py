"""Contacts of carers with what decides how long they last."""

from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.contacts import REMINDERS
from db.tables import Audience, Consent, Contact, Patient


def told(session: Session, *, born_between: tuple[date, date], ends_by: date) -> Sequence[sa.Row]:
    """Consents of carers of patients born then, or whose contact has an end by that day, the oldest first."""
    contacts, consents, patients = (batches.table(model) for model in (Contact, Consent, Patient))
    young = patients.c.birth_date.between(*born_between)
    query = (
        sa.select(
            *(contacts.c[name] for name in ("clinic_id", "id", "patient_id", "channel", "ends_on")),
            patients.c.birth_date, patients.c.time_zone, consents.c.given, consents.c.at,
        )
        .join_from(
            contacts,
            patients,
            sa.and_(patients.c.clinic_id == contacts.c.clinic_id, patients.c.id == contacts.c.patient_id),
        )
        .join(
            consents,
            sa.and_(
                consents.c.clinic_id == contacts.c.clinic_id,
                consents.c.patient_id == contacts.c.patient_id,
                consents.c.channel == contacts.c.channel,
                sa.or_(consents.c.contact_id == contacts.c.id, consents.c.contact_id.is_(None)),
            ),
        )
        .where(contacts.c.audience == Audience.CARER, contacts.c.voided_at.is_(None))
        .where(consents.c.purpose == REMINDERS, consents.c.voided_at.is_(None), patients.c.ended_on.is_(None))
        .where(sa.or_(young, contacts.c.ends_on <= ends_by))
        .order_by(consents.c.at, consents.c.id)
    )  # fmt: skip
    return session.execute(query).all()
