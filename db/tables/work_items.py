from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import Row, belongs_to, enum_of, index_where, of_clinic
from schedules.protocol import Level


class WorkState(StrEnum):
    OPEN = "open"
    CLAIMED = "claimed"
    SNOOZED = "snoozed"
    DONE = "done"


class Role(StrEnum):
    COORDINATOR = "coordinator"
    PRESCRIBER = "prescriber"
    CLINICIAN = "clinician"
    ADMIN = "admin"


class WorkItem(Row, table=True):
    """What a human must do. `key` says what it is about: until one is done, the same key raises it."""

    __tablename__ = "work_item"
    __table_args__ = (
        of_clinic(),
        belongs_to("patient"),
        belongs_to("course"),
        belongs_to("item"),
        index_where("uq_work_item_key", "clinic_id", "key", where="state <> 'done'", unique=True),
        index_where("ix_work_item_due", "clinic_id", "due_by", where="state <> 'done'"),
        sa.Index("ix_work_item_item", "clinic_id", "item_id"),
        sa.Index("ix_work_item_course", "clinic_id", "course_id"),
    )

    patient_id: UUID | None = None  # null: a record that could not be matched
    course_id: UUID | None = None
    item_id: UUID | None = None
    kind: str
    about: str | None = None  # in a sentence, where the kind does not say it
    level: Level = Field(sa_type=enum_of(Level, "level"))
    role: Role = Field(sa_type=enum_of(Role, "role"))
    owner: str | None = None  # the person who claimed it; until then the role owns it
    claimed_at: datetime | None = None
    state: WorkState = Field(default=WorkState.OPEN, sa_type=enum_of(WorkState, "state"))
    key: str
    raised: int = 1
    opened_at: datetime
    raised_at: datetime
    due_by: datetime
    snoozed_until: datetime | None = None
    closed_at: datetime | None = None
    outcome: str | None = None
    note: str | None = None
