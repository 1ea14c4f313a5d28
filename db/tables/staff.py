from datetime import datetime

from db.types import Row, index_where, of_clinic


class StaffAddress(Row, table=True):
    """Where a clinic's staff are mailed, and what: one that is removed gets nothing more."""

    __tablename__ = "staff_address"
    __table_args__ = (
        of_clinic(),
        index_where("uq_staff_address", "clinic_id", "address", where="removed_at IS NULL", unique=True),
    )

    address: str
    digest: bool
    alarms: bool
    set_by: str
    set_at: datetime
    removed_at: datetime | None = None
