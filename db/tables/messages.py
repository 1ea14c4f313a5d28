from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.tables.contacts import Audience, Channel
from db.types import Row, belongs_to, enum_of, index_where


class MessageState(StrEnum):
    WAITING = "waiting"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    EMPTY = "empty"  # nothing left to say
    UNKNOWN = "unknown"
    FAILED = "failed"


class Kind(StrEnum):
    """What a message is. All but a reminder are notices: for staff, or for the house itself."""

    REMINDER = "reminder"
    ALARM = "alarm"
    DIGEST = "digest"
    CANARY = "canary"


class AttemptState(StrEnum):
    STARTED = "started"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


class Message(Row, table=True):
    """One thing to be said to one person at one time: the queue, the outbox and the log.

    A reminder has a patient. A notice has a key, by which it is planned once, and no patient; one without a
    staff address stays in the house.

    `token` counts the claims: who holds an older one cannot settle. A claim has a lease, and so has a doubt
    until it is looked at again; one that nobody will look at again is a person's.
    """

    __tablename__ = "message"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("staff_address"),
        sa.UniqueConstraint("clinic_id", "patient_id", "audience", "quarter"),
        sa.CheckConstraint("kind <> 'reminder' OR patient_id IS NOT NULL", name="reminder_has_a_patient"),
        sa.CheckConstraint("kind = 'reminder' OR key IS NOT NULL", name="notice_has_a_key"),
        index_where("uq_message_notice", "clinic_id", "kind", "key", where="key IS NOT NULL", unique=True),
        index_where("ix_message_waiting", "send_at", where="state = 'waiting'"),
        index_where("ix_message_notice", "kind", "send_at", where="key IS NOT NULL AND state = 'waiting'"),
        index_where("ix_message_claimed", "lease_until", where="state = 'claimed'"),
        index_where("ix_message_unknown", "lease_until", where="state = 'unknown'"),
        index_where("ix_message_receipt_by", "receipt_by", where="receipt_by IS NOT NULL"),
    )

    kind: Kind = Field(
        default=Kind.REMINDER,
        sa_type=enum_of(Kind, "kind"),
        sa_column_kwargs={"server_default": Kind.REMINDER.value},
    )
    key: str | None = None
    patient_id: UUID | None = None
    staff_address_id: UUID | None = None
    audience: Audience = Field(sa_type=enum_of(Audience, "audience"))
    channel: Channel = Field(sa_type=enum_of(Channel, "channel"))
    quarter: datetime | None = (
        None  # the quarter of an hour its reminders share; null for what is not a reminder
    )
    send_at: datetime
    state: MessageState = Field(default=MessageState.WAITING, sa_type=enum_of(MessageState, "state"))
    token: int = 0
    attempts: int = 0
    lease_until: datetime | None = None
    subject: str | None = None
    body: str | None = None
    created_at: datetime
    accepted_at: datetime | None = None
    slot_at: datetime | None = None  # its turn in the pace of its channel, while it waits for that
    receipt_by: datetime | None = None  # while a receipt is awaited
    unconfirmed_at: datetime | None = None  # when the wait for a receipt was over without one


class Attempt(Row, table=True):
    """One try on one channel, committed before the call."""

    __tablename__ = "attempt"
    __table_args__ = (
        belongs_to("message"),
        belongs_to("contact"),
        sa.UniqueConstraint("clinic_id", "message_id", "number"),
    )

    message_id: UUID
    number: int
    channel: Channel = Field(sa_type=enum_of(Channel, "channel"))
    contact_id: UUID | None = None
    repeats: UUID | None = None  # the try of unknown outcome before it: this one is a possible duplicate
    state: AttemptState = Field(default=AttemptState.STARTED, sa_type=enum_of(AttemptState, "state"))
    started_at: datetime
    ended_at: datetime | None = None
    code: str | None = None
    provider_id: str | None = None
