from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import Row, belongs_to, enum_of


class Audience(StrEnum):
    PATIENT = "patient"
    CARER = "carer"
    COORDINATOR = "coordinator"
    PRESCRIBER = "prescriber"


class Channel(StrEnum):
    SMS = "sms"
    EMAIL = "email"
    PUSH = "push"
    VOICE = "voice"
    CHAT = "chat"
    POST = "post"
    WEBHOOK = "webhook"
    OUTBOX = "outbox"
    WORKLIST = "worklist"


class Relation(StrEnum):
    """Of a carer to the patient."""

    GUARDIAN = "guardian"
    PARENT = "parent"
    PARTNER = "partner"
    CARER = "carer"
    OTHER = "other"


class Contact(Row, table=True):
    """One address of a patient or carer on one channel."""

    __tablename__ = "contact"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("import"),
        sa.CheckConstraint("audience IN ('patient', 'carer')", name="reaches_a_person_at_home"),
        sa.Index("ix_contact_patient", "clinic_id", "patient_id"),
    )

    patient_id: UUID
    audience: Audience = Field(sa_type=enum_of(Audience, "audience"))
    channel: Channel = Field(sa_type=enum_of(Channel, "channel"))
    address: str
    bad_since: datetime | None = None
    relation: str | None = None  # a carer's, in the words of Relation; null: not said
    ends_on: date | None = None  # from that day on nothing is sent there
    import_id: UUID | None = None
    voided_at: datetime | None = None


class Consent(Row, table=True):
    """Appended, never changed: the newest for a purpose and channel counts."""

    __tablename__ = "consent"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("contact"),
        belongs_to("import"),
        sa.Index("ix_consent_patient", "clinic_id", "patient_id"),
    )

    patient_id: UUID
    contact_id: UUID | None = None  # null: whatever the address
    purpose: str
    channel: Channel = Field(sa_type=enum_of(Channel, "channel"))
    given: bool
    source: str
    wording: str
    at: datetime
    import_id: UUID | None = None
    voided_at: datetime | None = None
