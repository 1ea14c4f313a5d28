from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field, SQLModel

from db.types import JsonText, of_clinic


class ProtocolVersion(SQLModel, table=True):
    """What a course pins: a protocol's whole content, immutable by its hash."""

    __tablename__ = "protocol_version"
    __table_args__ = (of_clinic(),)

    clinic_id: UUID = Field(primary_key=True)
    hash: str = Field(primary_key=True)
    protocol_id: str
    version: int
    document: dict[str, Any] = Field(sa_type=JsonText)
    created_at: datetime
