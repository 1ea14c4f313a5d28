"""How much there is, for the front page."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import Channel, Clinic, Message, Patient


@dataclass(frozen=True, slots=True)
class Totals:
    clinics: int
    patients: int  # who have neither left nor died
    waiting: int  # messages to patients and carers
    next_at: datetime | None  # when the first of them goes out


def counted(session: Session, *, clinic_id: UUID | None = None) -> Totals:
    """Of one clinic or of all."""
    clinics, patients, messages = (batches.table(model) for model in (Clinic, Patient, Message))
    here = sa.and_(patients.c.voided_at.is_(None), patients.c.ended_on.is_(None))
    reminders = sa.and_(messages.c.key.is_(None), messages.c.channel != Channel.WORKLIST)
    to_people = sa.and_(sa.text("state = 'waiting'"), reminders)
    waiting = sa.select(sa.func.count(), sa.func.min(messages.c.send_at)).where(to_people)
    mine = sa.true() if clinic_id is None else patients.c.clinic_id == clinic_id
    said = sa.true() if clinic_id is None else messages.c.clinic_id == clinic_id
    here_too = sa.true() if clinic_id is None else clinics.c.id == clinic_id
    count, first = session.execute(waiting.select_from(messages).where(said)).one()
    return Totals(
        clinics=session.scalar(sa.select(sa.func.count()).select_from(clinics).where(here_too)) or 0,
        patients=session.scalar(sa.select(sa.func.count()).select_from(patients).where(here, mine)) or 0,
        waiting=count,
        next_at=first,
    )
