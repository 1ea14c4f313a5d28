from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import Row, belongs_to, enum_of


class ReplyKind(StrEnum):
    DONE = "done"  # "I had it done"
    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"
    ASKED_TO_MOVE = "asked-to-move"
    PROBLEM = "problem"
    NO_PROBLEM = "no-problem"
    STOPPED = "stopped"  # no more messages
    WRONG_BIRTH_DATE = "wrong-birth-date"


class Reply(Row, table=True):
    """What somebody with a message's link told us: appended, never changed."""

    __tablename__ = "reply"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("message"),
        belongs_to("item"),
        sa.Index("ix_reply_patient", "clinic_id", "patient_id"),
        sa.Index("ix_reply_item", "clinic_id", "item_id"),
    )

    patient_id: UUID
    message_id: UUID  # whose link it was
    item_id: UUID | None = None
    kind: ReplyKind = Field(sa_type=enum_of(ReplyKind, "kind"))
    on: date | None = None  # the day it was done
    text: str | None = None  # the place, the wish, the problem: in the patient's own words
    work_key: str | None = None  # of the work item that was raised with it
    at: datetime
