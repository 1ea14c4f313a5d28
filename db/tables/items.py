from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import JsonText, Row, belongs_to, enum_of, index_where
from schedules.facts import Class
from schedules.protocol import Kind


class Item(Row, table=True):
    """The written answer of `plan()`: nothing else writes it. Open while `class` is null."""

    __tablename__ = "item"
    __table_args__ = (
        belongs_to("course"),
        belongs_to("patient"),
        sa.UniqueConstraint("clinic_id", "course_id", "clock", "ordinal"),
        index_where("uq_item_open", "clinic_id", "course_id", "clock", where="class IS NULL", unique=True),
        index_where(  # what reports ask of days overdue, in order and without the table
            "ix_item_late",
            *("clinic_id", "course_id", "clock", "last_on_time", "closed_on", "class_", "kind"),
            where="kind = 'test' AND (closed_on IS NULL OR closed_on > last_on_time)",
        ),
        index_where(
            "ix_item_first",
            *("clinic_id", "course_id", "due_on", "class_", "kind", "ordinal"),
            where="kind = 'test' AND ordinal = 1",
        ),
        index_where(  # what the front page counts, without the table
            "ix_item_overdue",
            *("clinic_id", "last_on_time", "lapses_on", "held", "course_id", "class_"),
            where="class IS NULL",
        ),
    )

    course_id: UUID
    patient_id: UUID
    clock: str
    ordinal: int
    kind: Kind = Field(sa_type=enum_of(Kind, "kind"))
    version: int
    version_at: datetime  # when what began this version became known
    phase: str
    base: date
    due_on: date
    opens_on: date
    last_on_time: date
    lapses_on: date
    ladder: str
    why: str
    class_: Class | None = Field(
        default=None, sa_type=enum_of(Class, "class"), sa_column_kwargs={"name": "class", "key": "class_"}
    )
    collected_on: date | None = None
    closed_on: date | None = None
    missing: list[str] = Field(default_factory=list, sa_type=JsonText)
    held: bool = False
    appointment: str | None = None  # its local day and time, ISO 8601
