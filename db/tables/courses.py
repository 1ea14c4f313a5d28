from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import JsonText, Row, belongs_to, enum_of, index_where
from schedules.facts import EventType


class Course(Row, table=True):
    """One patient on one medicine under one protocol version."""

    __tablename__ = "course"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("import"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "protocol_hash"], ["protocol_version.clinic_id", "protocol_version.hash"]
        ),
        sa.Index("ix_course_patient", "clinic_id", "patient_id"),
        index_where("ix_course_replan", "replan_on", where="replan_on IS NOT NULL"),
        index_where("ix_course_void", "id", where="voided_at IS NOT NULL"),
    )

    patient_id: UUID
    protocol_id: str
    protocol_hash: str
    medicine: str
    start: date
    enrolled: date | None = None
    monitored_since: date | None = None  # by the clinic that handed it over
    indication: str | None = None
    flags: list[str] = Field(default_factory=list, sa_type=JsonText)
    dose: str | None = None  # at the start
    baseline: dict[str, Any] | None = Field(default=None, sa_type=JsonText)  # what was attested, who decided
    replan_on: date | None = None  # the next day on which the plan changes by itself
    ended_on: date | None = None
    created_at: datetime
    import_id: UUID | None = None
    voided_at: datetime | None = None


class CourseEvent(Row, table=True):
    __tablename__ = "course_event"
    __table_args__ = (
        belongs_to("course"),
        belongs_to("import"),
        sa.Index("ix_course_event_course", "clinic_id", "course_id"),
    )

    course_id: UUID
    on: date
    type: EventType = Field(sa_type=enum_of(EventType, "type"))
    clock: str | None = None  # null: every clock it can concern
    reason: str | None = None
    review_on: date | None = None
    every: str | None = None  # a duration
    due_on: date | None = None
    decided_by: str | None = None
    at_local: str | None = None  # an appointment's local day and time, ISO 8601
    dose: str | None = None
    recorded_at: datetime
    import_id: UUID | None = None
    voided_at: datetime | None = None
