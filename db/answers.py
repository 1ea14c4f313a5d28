"""Answers that are kept, so that a request which creates can be sent again."""

import hashlib
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import StoredAnswer

KEPT = timedelta(hours=48)


def lock(session: Session, *name: str) -> bool:
    """Until the commit nobody else has this; False when somebody has. SQLite's writers are alone anyway."""
    if session.get_bind().dialect.name != "postgresql":
        return True
    digest = hashlib.sha256("\0".join(name).encode()).digest()
    number = int.from_bytes(digest[:8], "big", signed=True)
    return bool(session.scalar(sa.select(sa.func.pg_try_advisory_xact_lock(number))))


def find(session: Session, clinic_id: UUID, operation: str, key: str) -> sa.Row | None:
    answers = batches.table(StoredAnswer)
    mine = (answers.c.clinic_id == clinic_id, answers.c.operation == operation, answers.c.key == key)
    return session.execute(sa.select(answers).where(*mine)).one_or_none()


def keep(session: Session, row: dict[str, Any], *, now: datetime) -> None:
    """Store an answer; of the same clinic those that are old enough go."""
    answers = batches.table(StoredAnswer)
    old = (answers.c.clinic_id == row["clinic_id"], answers.c.created_at < now - KEPT)
    session.execute(sa.delete(answers).where(*old))
    batches.insert(session, StoredAnswer, [row | {"created_at": now}])
