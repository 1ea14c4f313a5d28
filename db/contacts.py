"""Contacts and consents: on what a person can be reached, and may be."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key
from db.tables import Audience, Consent, Contact

REMINDERS = "reminders"  # the purpose that a consent to be reminded names
INSTANT = timedelta(microseconds=1)


def of_patients(session: Session, keys: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """Contacts by patient, the oldest first. A bad one is among them: `bad_since` says so."""
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, _standing(), batches.table(Contact), keys, column="patient_id"):
        found[row.patient_id].append(row)
    return found


def with_answers(session: Session, key: Key) -> tuple[list[sa.Row], dict[UUID, sa.Row]]:
    """One patient's contacts, and by contact the newest answer to whether reminders may go there."""
    found: dict[UUID, sa.Row] = {}
    given: dict[UUID, sa.Row] = {}
    whose = dict(zip(("clinic_id", "patient_id"), key, strict=True))
    for row in session.connection().execute(_with_answers(), whose):
        found[row.id] = row
        if row.consent_id is not None:
            given[row.id] = row
    return list(found.values()), given


@cache
def _with_answers() -> sa.Select:
    contacts, given = batches.table(Contact), batches.table(Consent)
    about = sa.and_(given.c.clinic_id == contacts.c.clinic_id, given.c.patient_id == contacts.c.patient_id)
    theirs = sa.and_(about, given.c.contact_id == contacts.c.id, given.c.purpose == REMINDERS)
    return (
        sa.select(contacts, given.c.id.label("consent_id"), given.c.given)
        .join_from(contacts, given, sa.and_(theirs, given.c.voided_at.is_(None)), isouter=True)
        .where(batches.bound(contacts, "clinic_id", "patient_id"), contacts.c.voided_at.is_(None))
        .order_by(contacts.c.id, given.c.at, given.c.id)
    )


@cache
def _standing() -> sa.Select:
    contacts = batches.table(Contact)
    return sa.select(contacts).where(contacts.c.voided_at.is_(None)).order_by(contacts.c.id)


def with_carer(session: Session, keys: Sequence[Key]) -> set[UUID]:
    """Those of the patients who have a contact of a carer."""
    rows = batches.fetch(session, _carers(), batches.table(Contact), keys, column="patient_id")
    return {row.patient_id for row in rows}


@cache
def _carers() -> sa.Select:
    contacts = batches.table(Contact)
    query = sa.select(contacts.c.patient_id).where(contacts.c.voided_at.is_(None))
    return query.where(contacts.c.audience == Audience.CARER)


def consents(session: Session, keys: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """By patient the newest consent for each purpose, channel and contact: given, or withdrawn."""
    newest: dict[UUID, dict[tuple[object, ...], sa.Row]] = defaultdict(dict)
    for row in batches.fetch(session, _said(), batches.table(Consent), keys, column="patient_id"):
        newest[row.patient_id][row.purpose, row.channel, row.contact_id] = row
    return {patient: list(rows.values()) for patient, rows in newest.items()}


def after_all(session: Session, key: Key, now: datetime) -> datetime:
    """When an answer is said that is given now: after every other of the patient's.

    Without it a STOP that follows a clock set back would be older than the consent that it takes back.
    """
    known = consents(session, [key]).get(key[1], [])
    return max([now, *(row.at + INSTANT for row in known)])


@cache
def _said() -> sa.Select:
    given = batches.table(Consent)
    return sa.select(given).where(given.c.voided_at.is_(None)).order_by(given.c.at, given.c.id)


def reachable(
    session: Session, keys: Sequence[Key], *, purpose: str = REMINDERS
) -> dict[tuple[UUID, Audience], list[sa.Row]]:
    """By patient and audience the contacts that work and whose newest consent allows them."""
    allowed = consents(session, keys)
    found: dict[tuple[UUID, Audience], list[sa.Row]] = defaultdict(list)
    for patient_id, rows in of_patients(session, keys).items():
        for contact in rows:
            if contact.bad_since is None and _allows(allowed.get(patient_id, []), contact, purpose):
                found[patient_id, contact.audience].append(contact)
    return found


def may_use(session: Session, contact: sa.Row) -> bool:
    """Whether that contact may still be reminded."""
    found = reachable(session, [(contact.clinic_id, contact.patient_id)])
    return any(row.id == contact.id for row in found.get((contact.patient_id, contact.audience), ()))


def mark_bad(session: Session, keys: Sequence[Key], *, now: datetime) -> int:
    """Nothing can be delivered to these addresses from now on; how many were good until now."""
    contacts = batches.table(Contact)
    good = sa.update(contacts).where(contacts.c.bad_since.is_(None)).values(bad_since=now)
    return batches.update(session, good, contacts, sorted(keys))


def whose(session: Session, keys: Sequence[Key]) -> set[Key]:
    """The patients of these contacts."""
    contacts = batches.table(Contact)
    query = sa.select(contacts.c.clinic_id, contacts.c.patient_id)
    return {(row.clinic_id, row.patient_id) for row in batches.fetch(session, query, contacts, keys)}


def _allows(rows: Sequence[sa.Row], contact: sa.Row, purpose: str) -> bool:
    """The newest consent for the contact or for its whole channel decides; without one there is none."""
    about = [
        row
        for row in rows
        if row.purpose == purpose and row.channel == contact.channel and row.contact_id in (None, contact.id)
    ]
    return bool(about) and bool(max(about, key=lambda row: (row.at, row.id)).given)
