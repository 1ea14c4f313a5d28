from datetime import date, datetime, time
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import Row, belongs_to, enum_of, index_where, of_clinic


class Sex(StrEnum):
    FEMALE = "female"
    MALE = "male"
    OTHER = "other"
    UNKNOWN = "unknown"


class Wording(StrEnum):
    """How openly messages may speak: what the patient agreed to."""

    NEUTRAL = "neutral"
    BLOOD_TEST = "blood-test"


class EndReason(StrEnum):
    DIED = "died"
    LEFT = "left"
    MOVED_AWAY = "moved-away"


class Patient(Row, table=True):
    __tablename__ = "patient"
    __table_args__ = (
        of_clinic(),
        belongs_to("import"),
        sa.CheckConstraint("(quiet_start IS NULL) = (quiet_end IS NULL)", name="quiet_hours_whole"),
        sa.CheckConstraint("(ended_on IS NULL) = (ended_reason IS NULL)", name="end_has_reason"),
        index_where(
            "uq_patient_mrn", "clinic_id", "authority", "mrn", where="voided_at IS NULL", unique=True
        ),
    )

    authority: str
    mrn: str
    name: str
    birth_date: date
    sex: Sex | None = Field(default=None, sa_type=enum_of(Sex, "sex"))
    time_zone: str
    language: str
    preferred_time: time
    quiet_start: time | None = None  # both null: no quiet hours
    quiet_end: time | None = None
    wording: Wording = Field(default=Wording.NEUTRAL, sa_type=enum_of(Wording, "wording"))
    ended_on: date | None = None
    ended_reason: EndReason | None = Field(default=None, sa_type=enum_of(EndReason, "ended_reason"))
    ended_recorded_at: datetime | None = None
    created_at: datetime
    import_id: UUID | None = None
    voided_at: datetime | None = None
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"})  # one more with every change
