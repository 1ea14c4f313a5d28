from datetime import datetime

from sqlmodel import Field, SQLModel


class Heartbeat(SQLModel, table=True):
    """The last sign of life of one loop in one process. It serves every clinic, so it belongs to none."""

    __tablename__ = "heartbeat"

    loop: str = Field(primary_key=True)
    process: str = Field(primary_key=True)
    at: datetime
    oldest_due_at: datetime | None = None
    tzdata_version: str
    ahead_seconds: float | None = None  # of the database's clock, its machine's; where it was measured
