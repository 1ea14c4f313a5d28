from datetime import datetime

import sqlalchemy as sa

from db.types import Row, index_where, of_clinic


class Pause(Row, table=True):
    """While it lasts a clinic's patients and carers are sent nothing. It ends by itself at `until`."""

    __tablename__ = "pause"
    __table_args__ = (
        of_clinic(),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name="end_has_a_name"),
        index_where("uq_pause_open", "clinic_id", where="ended_at IS NULL", unique=True),
    )

    by: str
    reason: str
    since: datetime
    until: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
