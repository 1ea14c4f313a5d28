"""Who did what, when."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import batches
from db.tables import AuditEntry


def record(
    session: Session,
    clinic_id: UUID,
    actor: str,
    action: str,
    *,
    subject: tuple[str, str],
    now: datetime,
    import_id: UUID | None = None,
    detail: dict[str, Any] | None = None,
) -> None:
    """Append one entry. The subject is a table and an id in it."""
    name, subject_id = subject
    entry = {
        "clinic_id": clinic_id,
        "at": now,
        "actor": actor,
        "action": action,
        "subject": name,
        "subject_id": subject_id,
        "detail": detail or {},
        "import_id": import_id,
    }
    batches.insert(session, AuditEntry, [entry])
