from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.tables.contacts import Audience
from db.types import Row, belongs_to, enum_of, index_where


class ReminderState(StrEnum):
    WAITING = "waiting"
    SENT = "sent"
    SUPERSEDED = "superseded"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPPRESSED = "suppressed"


class Effect(StrEnum):
    MESSAGE = "message"
    WORK_ITEM = "work-item"


class Reminder(Row, table=True):
    """One rung of one track for one version of an item: why something is to be said."""

    __tablename__ = "reminder"
    __table_args__ = (
        belongs_to("item"),
        belongs_to("patient"),
        belongs_to("message"),
        sa.UniqueConstraint("clinic_id", "item_id", "version", "track", "rung"),
        index_where(
            "uq_reminder_waiting",
            *("clinic_id", "item_id", "version", "track"),
            where="state = 'waiting'",
            unique=True,
        ),
        sa.Index("ix_reminder_message", "clinic_id", "message_id"),
    )

    item_id: UUID
    patient_id: UUID
    version: int
    track: Audience = Field(sa_type=enum_of(Audience, "track"))
    rung: str
    position: int
    day: date
    at_local: str  # the preferred time of that day, HH:MM
    zone: str
    tzdata_version: str
    send_at: datetime
    effect: Effect = Field(sa_type=enum_of(Effect, "effect"))
    state: ReminderState = Field(default=ReminderState.WAITING, sa_type=enum_of(ReminderState, "state"))
    reason: str | None = None
    message_id: UUID | None = None  # null while its import is not released
    decided_at: datetime | None = None
