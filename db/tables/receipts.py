from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlmodel import Field, SQLModel

from db.tables.contacts import Channel
from db.types import enum_of, index_where


class ReceiptState(StrEnum):
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"


class Receipt(SQLModel, table=True):
    """What a provider said of a key on one channel: once, whenever it came and however often.

    It may come before the message is known here to be accepted, so it names no clinic.
    """

    __tablename__ = "receipt"
    __table_args__ = (index_where("ix_receipt_unmatched", "received_at", where="matched_at IS NULL"),)

    key: UUID = Field(primary_key=True)
    channel: Channel = Field(primary_key=True, sa_type=enum_of(Channel, "channel"))
    state: ReceiptState = Field(primary_key=True, sa_type=enum_of(ReceiptState, "state"))
    code: str | None = None
    bad_address: bool = False
    received_at: datetime
    matched_at: datetime | None = None  # when it became part of its message
