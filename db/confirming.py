"""Who has an address of which nothing was said for long: the number may be a stranger's by now."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key
from db.contacts import REMINDERS
from db.tables import Consent, Contact, Course, Patient, WorkItem

KIND = "confirm-contact"


def silent(
    session: Session, *, since: datetime, limit: int | None = None, of: Sequence[Key] | None = None
) -> Sequence[sa.Row]:
    """Patients on a medicine, and the oldest newest answer for an address that is in use, of before `since`.

    Those of whom a person was asked since then are left out, unless it is asked `of` some patients.
    """
    contacts, consents, patients = (batches.table(model) for model in (Contact, Consent, Patient))
    newest = _newest(contacts, consents)
    at = sa.func.min(consents.c.at).label("at")
    query = (
        sa.select(contacts.c.clinic_id, contacts.c.patient_id, at)
        .join_from(contacts, patients, _patient(contacts, patients))
        .join(consents, sa.and_(consents.c.clinic_id == contacts.c.clinic_id, consents.c.id == newest))
        .where(contacts.c.voided_at.is_(None), contacts.c.bad_since.is_(None))
        .where(
            consents.c.given, consents.c.at <= since, patients.c.ended_on.is_(None), _on_medicine(contacts)
        )
        .group_by(contacts.c.clinic_id, contacts.c.patient_id)
        .order_by(at, contacts.c.clinic_id, contacts.c.patient_id)
        .limit(limit)
    )
    if of is not None:
        return list(batches.fetch(session, query, contacts, of, column="patient_id"))
    return session.execute(query.where(~_asked(contacts, since))).all()


def _newest(contacts: sa.Table, consents: sa.Table) -> sa.ScalarSelect[Any]:
    """The id of the newest answer for a contact, or for its whole channel."""
    given = consents.alias("given")
    about = (given.c.clinic_id == contacts.c.clinic_id, given.c.patient_id == contacts.c.patient_id)
    here = sa.or_(given.c.contact_id == contacts.c.id, given.c.contact_id.is_(None))
    query = sa.select(given.c.id).where(*about, given.c.channel == contacts.c.channel, here)
    stands = query.where(given.c.purpose == REMINDERS, given.c.voided_at.is_(None))
    last = stands.order_by(given.c.at.desc(), given.c.id.desc()).limit(1)
    return last.correlate(contacts).scalar_subquery()


def _patient(contacts: sa.Table, rows: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(rows.c.clinic_id == contacts.c.clinic_id, rows.c.id == contacts.c.patient_id)


def _on_medicine(contacts: sa.Table) -> sa.ColumnElement[bool]:
    courses = batches.table(Course)
    mine = (courses.c.clinic_id == contacts.c.clinic_id, courses.c.patient_id == contacts.c.patient_id)
    return sa.exists().where(*mine, courses.c.ended_on.is_(None), courses.c.voided_at.is_(None))


def _asked(contacts: sa.Table, since: datetime) -> sa.ColumnElement[bool]:
    """Whether a work item about it is unfinished, or was opened since."""
    work = batches.table(WorkItem)
    mine = (work.c.clinic_id == contacts.c.clinic_id, work.c.patient_id == contacts.c.patient_id)
    recent = sa.or_(sa.text("work_item.state <> 'done'"), work.c.opened_at > since)
    return sa.exists().where(*mine, work.c.kind == KIND, recent)
