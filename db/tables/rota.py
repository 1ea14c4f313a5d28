from datetime import datetime, time
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import Row, belongs_to, enum_of, of_clinic
from schedules.rota import Rung


class Rota(Row, table=True):
    """Who is on call, as somebody set it: the newest version counts, and none is changed."""

    __tablename__ = "rota"
    __table_args__ = (of_clinic(), sa.UniqueConstraint("clinic_id", "version"))

    version: int
    set_by: str
    set_at: datetime


class RotaShift(Row, table=True):
    """A person's hours on one rung, in the clinic's zone, and the address at which they are told."""

    __tablename__ = "rota_shift"
    __table_args__ = (
        belongs_to("rota"),
        belongs_to("staff_address"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        sa.Index("ix_rota_shift_rota", "clinic_id", "rota_id"),
    )

    rota_id: UUID
    rung: Rung = Field(sa_type=enum_of(Rung, "rung"))
    person: str
    user_id: UUID | None = None  # the user of that name, while the rota was set
    staff_address_id: UUID
    weekdays: str  # "1234567": Monday is 1
    begins: time
    ends: time
