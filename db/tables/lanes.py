from datetime import datetime

from sqlmodel import Field, SQLModel

from db.tables.contacts import Channel
from db.types import enum_of


class Lane(SQLModel, table=True):
    """One way out of the house, shared by every worker and every clinic: may it send, is it open, how fast.

    A provider serves all clinics, so the row belongs to none.
    """

    __tablename__ = "lane"

    channel: Channel = Field(primary_key=True, sa_type=enum_of(Channel, "channel"))
    place: str | None = None  # whose machine it leads to
    released_at: datetime | None = None  # to that place
    released_by: str | None = None
    free_at: datetime | None = None  # the next turn that nobody has
    closed_until: datetime | None = None  # no request before
    probe_until: datetime | None = None  # one letter is out to see whether the provider is back
    refused: int = 0  # answers in a row that the provider is down
    refusing_since: datetime | None = None
    code: str | None = None  # the last of them
