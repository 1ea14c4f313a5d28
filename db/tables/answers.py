from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from db.types import JsonText, Row, of_clinic


class StoredAnswer(Row, table=True):
    """What was answered to a request that creates: who sends it again gets it again."""

    __tablename__ = "stored_answer"
    __table_args__ = (
        of_clinic(),
        sa.UniqueConstraint("clinic_id", "operation", "key"),
        sa.Index("ix_stored_answer_created_at", "clinic_id", "created_at"),
    )

    operation: str
    key: str
    request_hash: str
    status: int
    headers: dict[str, str] = Field(sa_type=JsonText)
    body: Any = Field(sa_type=JsonText)
    created_at: datetime
