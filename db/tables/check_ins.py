from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import JsonText, Row, belongs_to, enum_of, of_clinic
from schedules.protocol import Level


class Bound(StrEnum):
    """To which check-in the answers belong."""

    ASKED = "asked"  # the one that the form named was open
    UNASKED = "unasked"  # none was open, and the form named none
    LATE = "late"  # the one that the form named had closed: a person looks
    UNCLEAR = "unclear"  # it named none while one was open, or none of this patient's: a person looks


class CheckIn(Row, table=True):
    """One submission of a patient and what the rules made of it: appended, never changed."""

    __tablename__ = "check_in"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("message"),
        belongs_to("item"),
        sa.Index("ix_check_in_patient", "clinic_id", "patient_id"),
        sa.Index("ix_check_in_at", "clinic_id", "at"),
    )

    patient_id: UUID
    message_id: UUID  # whose link it was
    item_id: UUID | None = None
    bound: Bound = Field(sa_type=enum_of(Bound, "bound"))
    set_id: str
    set_version: int
    context: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)  # what else the rules were given
    level: Level = Field(sa_type=enum_of(Level, "level"))
    reasons: list[dict[str, Any]] = Field(default_factory=list, sa_type=JsonText)
    advice: list[str] = Field(default_factory=list, sa_type=JsonText)
    work_key: str | None = None  # of the work item that was raised with it
    at: datetime


class CheckInAnswer(Row, table=True):
    """What came for one question, as it came."""

    __tablename__ = "check_in_answer"
    __table_args__ = (
        belongs_to("check_in"),
        sa.Index("ix_check_in_answer", "clinic_id", "check_in_id"),
    )

    check_in_id: UUID
    question: str
    choice: str
    number: str | None = None
    unit: str | None = None
    on: date | None = None
    text: str | None = None


class CheckInSwitch(Row, table=True):
    """A clinic asks the question set from now on, or no longer: appended, the newest counts."""

    __tablename__ = "check_in_switch"
    __table_args__ = (of_clinic(), sa.Index("ix_check_in_switch", "clinic_id", "at"))

    on: bool
    set_id: str
    set_version: int
    by: str
    at: datetime


class PatientReport(Row, table=True):
    """What a patient, or who holds the link, told by themselves. A proposal waits for a person's decision."""

    __tablename__ = "patient_report"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("message"),
        belongs_to("contact"),
        sa.CheckConstraint("(decided_at IS NULL) = (decided_by IS NULL)", name="decision_has_person"),
        sa.Index("ix_patient_report_patient", "clinic_id", "patient_id"),
    )

    patient_id: UUID
    message_id: UUID  # whose link it was
    contact_id: UUID | None = None  # of a wrong number
    kind: str
    choice: str
    on: date | None = None
    text: str | None = None
    level: Level = Field(sa_type=enum_of(Level, "level"))
    reasons: list[str] = Field(default_factory=list, sa_type=JsonText)
    work_key: str
    proposes: str | None = None  # an event for a clinician to accept
    accepted: bool | None = None
    decided_by: str | None = None
    decided_at: datetime | None = None
    decision: str | None = None  # in words
    at: datetime
