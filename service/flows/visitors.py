"""Who comes by the link of a message, and what may be shown: nothing but the clinic before the birth date."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import (
    audit,
    clinics,
    closed_days,
    contacts,
    courses,
    items,
    messages,
    patient_reports,
    patients,
    replies,
)
from db.batches import Key
from db.items import Stored
from db.tables import Audience, Clinic, Reply, ReplyKind
from schedules import days
from schedules.closed_days import ClosedDays
from schedules.protocol import Kind
from service import messages as wording
from service.flows import guarding, wordings
from service.messages import catalogues
from service.messages.catalogues import Catalogue

GOOD_FOR = timedelta(days=90)  # a message's link: a product choice
MOST_WRONG, WITHIN = 5, timedelta(days=1)  # birth dates, of one patient
ACTOR = "by the link of a message"
LINK = "link"  # the source of a consent that the page gave or took


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who holds the link of a message: the patient, or a carer, who is shown nothing of it."""

    message_id: UUID
    audience: Audience
    clinic: Clinic
    patient: sa.Row
    words: Catalogue
    today: date
    stopped: bool  # the page ended messages to whoever holds the link
    disowned: bool  # somebody said that this address is not the patient's

    @property
    def key(self) -> Key:
        return self.clinic.id, self.patient.id

    @property
    def may_open(self) -> bool:
        return self.audience is Audience.PATIENT and self.patient.ended_reason is None and not self.disowned

    def born(self, on: date | None) -> bool:
        return on is not None and on == self.patient.birth_date


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """One open item as its patient reads it, with what was last told about it."""

    row: Stored
    sentence: str
    told: ReplyKind | None

    @property
    def kind(self) -> Kind:
        return self.row.item.kind

    @property
    def is_booked(self) -> bool:
        return self.row.item.appointment is not None


def find(session: Session, message_id: UUID, *, now: datetime) -> Visitor | None:
    """Who holds the link of that message; None when it is too old, or there is no such message."""
    message = messages.one(session, message_id)
    if message is None or message.patient_id is None or now - message.created_at > GOOD_FOR:
        return None
    patient = patients.of(session, [(message.clinic_id, message.patient_id)])[message.patient_id]
    clinic = clinics.get(session, message.clinic_id)
    if clinic is None or patient.voided_at is not None:
        return None
    key = (message.clinic_id, message.patient_id)
    return Visitor(
        stopped=bool(stopped(session, key, message.audience)),
        disowned=patient_reports.is_disowned(session, (message.clinic_id, message_id)),
        message_id=message_id,
        audience=message.audience,
        clinic=clinic,
        patient=patient,
        words=catalogues.every()[wordings.spoken(patient, wordings.signed(session))],
        today=days.local_day(now, days.zone(patient.time_zone)),
    )


def stopped(session: Session, patient: Key, audience: Audience) -> Sequence[sa.Row]:
    """The consents that the page took back, where they are the newest."""
    mine = {
        row.id
        for row in contacts.of_patients(session, [patient]).get(patient[1], [])
        if row.audience is audience
    }
    newest = contacts.consents(session, [patient]).get(patient[1], [])
    return [row for row in newest if row.contact_id in mine and not row.given and row.source == LINK]


def is_locked(session: Session, visitor: Visitor, *, now: datetime) -> bool:
    """Too many wrong birth dates: only the telephone is left."""
    return replies.wrong_birth_dates(session, visitor.key, since=now - WITHIN) >= MOST_WRONG


def read(session: Session, visitor: Visitor, *, now: datetime) -> None:
    """Write down that the patient's page was opened."""
    subject = ("patient", str(visitor.patient.id))
    audit.record(session, visitor.clinic.id, ACTOR, "page read", subject=subject, now=now)


def duties(session: Session, visitor: Visitor) -> Sequence[Duty]:
    """The open items, the next day first. One of a held course waits, and is not asked of anybody."""
    stored = items.of_courses(session, courses.of_patients(session, [visitor.key]))
    open_ = [row for rows in stored.values() for row in rows if row.item.class_ is None and not row.item.held]
    told = replies.of_items(session, [row.key for row in open_])
    closed = closed_days.of_one(session, visitor.clinic.id)
    ordered = sorted(open_, key=lambda row: (row.item.due_on, row.id))
    return [_duty(visitor, row, told.get(row.id), closed) for row in ordered]


def _duty(visitor: Visitor, row: Stored, told: Reply | sa.Row | None, closed: ClosedDays) -> Duty:
    line = guarding.line(row.item, visitor.today, closed)
    sentence = wording.sentence(visitor.words, line, audience="patient", wording="blood-test")
    return Duty(row=row, sentence=sentence, told=None if told is None else told.kind)
