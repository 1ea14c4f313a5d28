from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import JsonText, Row, belongs_to, of_clinic


class ProtocolMove(Row, table=True):
    """Courses that stand under one version are to stand under another: proposed, approved, carried out."""

    __tablename__ = "protocol_move"
    __table_args__ = (of_clinic(),)

    from_hash: str
    to_hash: str
    figures: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)  # as they were when proposed
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
    refused: list[str] = Field(default_factory=list, sa_type=JsonText)  # courses that cannot be moved
    finished_at: datetime | None = None


class CourseVersion(Row, table=True):
    """From a day on a course stands under another version than it began with: appended, never changed."""

    __tablename__ = "course_version"
    __table_args__ = (
        belongs_to("course"),
        belongs_to("protocol_move", "move_id"),
        sa.ForeignKeyConstraint(
            ["clinic_id", "protocol_hash"], ["protocol_version.clinic_id", "protocol_version.hash"]
        ),
        sa.Index("ix_course_version_course", "clinic_id", "course_id"),
    )

    course_id: UUID
    on: date
    protocol_hash: str
    move_id: UUID
    by: str
    recorded_at: datetime
