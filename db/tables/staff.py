from datetime import datetime

from sqlmodel import Field

from db.tables.contacts import Channel
from db.types import Row, enum_of, index_where, of_clinic


class StaffAddress(Row, table=True):
    """Where a clinic's staff are told, and what: one that is removed gets nothing more."""

    __tablename__ = "staff_address"
    __table_args__ = (
        of_clinic(),
        index_where("uq_staff_address", "clinic_id", "address", where="removed_at IS NULL", unique=True),
    )

    channel: Channel = Field(
        default=Channel.EMAIL,
        sa_type=enum_of(Channel, "channel"),
        sa_column_kwargs={"server_default": Channel.EMAIL.value},
    )
    address: str
    digest: bool
    alarms: bool
    set_by: str
    set_at: datetime
    removed_at: datetime | None = None
