from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import JsonText, Row, belongs_to, of_clinic


class AuditEntry(Row, table=True):
    """Who did what, when: appended, never changed."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        of_clinic(),
        belongs_to("import"),
        sa.Index("ix_audit_entry_subject", "clinic_id", "subject", "subject_id"),
    )

    at: datetime
    actor: str
    action: str
    subject: str
    subject_id: str
    detail: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
    import_id: UUID | None = None
