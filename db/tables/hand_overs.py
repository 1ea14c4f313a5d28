from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import Row, belongs_to, enum_of, index_where, of_clinic


class HandOverState(StrEnum):
    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"  # by an outside practice: the course goes on as `made_course_id`


class HandOver(Row, table=True):
    """The monitoring of a course offered to another clinic of the house, or to a practice outside.

    Until it is accepted the clinic of the row answers for everything; from then on the receiver does.
    """

    __tablename__ = "hand_over"
    __table_args__ = (
        of_clinic(),
        belongs_to("patient"),
        belongs_to("course"),
        sa.ForeignKeyConstraint(["to_clinic_id"], ["clinic.id"]),
        sa.CheckConstraint("(to_clinic_id IS NULL) <> (practice IS NULL)", name="one_receiver"),
        index_where("uq_hand_over_course", "clinic_id", "course_id", where="state = 'offered'", unique=True),
        sa.Index("ix_hand_over_to_clinic", "to_clinic_id", "made_course_id"),
    )

    patient_id: UUID
    course_id: UUID
    to_clinic_id: UUID | None = None
    practice: str | None = None  # outside: its name
    person: str | None = None  # there, to whom it is offered
    address: str | None = None
    note: str | None = None
    state: HandOverState = Field(default=HandOverState.OFFERED, sa_type=enum_of(HandOverState, "state"))
    offered_by: str
    offered_at: datetime
    told_at: datetime | None = None  # when the clinic was told that nobody answers
    answered_by: str | None = None
    answered_at: datetime | None = None
    answered_on: date | None = None  # the day from which the receiver answers for it
    words: str | None = None  # the reason of a no, the proof of a practice's yes
    made_course_id: UUID | None = None  # with whom it went on: the receiver's, or ours after a return
