from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from db.types import Row, belongs_to, of_clinic


class ClosedDays(Row, table=True):
    """When a clinic is closed, as somebody set it: the newest version counts, and none is changed."""

    __tablename__ = "closed_days"
    __table_args__ = (of_clinic(), sa.UniqueConstraint("clinic_id", "version"))

    version: int
    weekdays: str  # "67": Monday is 1
    set_by: str
    set_at: datetime
    followed_at: datetime | None = None  # when every waiting reminder had been computed with it


class ClosedDate(Row, table=True):
    """One date on which a clinic is closed, and why."""

    __tablename__ = "closed_date"
    __table_args__ = (
        belongs_to("closed_days"),
        sa.UniqueConstraint("clinic_id", "closed_days_id", "on"),
    )

    closed_days_id: UUID
    on: date
    name: str
