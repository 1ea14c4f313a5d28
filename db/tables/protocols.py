from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from db.types import JsonText, Row, of_clinic


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


class ProtocolProposal(Row, table=True):
    """A version that somebody wants for the clinic; once a second person approved it, it is kept as one."""

    __tablename__ = "protocol_proposal"
    __table_args__ = (of_clinic(), sa.UniqueConstraint("clinic_id", "protocol_id", "version"))

    hash: str
    protocol_id: str
    version: int
    document: dict[str, Any] = Field(sa_type=JsonText)
    proposed_by: str
    proposed_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None
