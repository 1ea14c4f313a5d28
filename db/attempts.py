"""Attempts: each committed before its call, ended after it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key, Values
from db.tables import Attempt, AttemptState

LEASE_LOST = "lease-lost"  # the code of a try whose worker did not come back in time


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How one call ended: the provider's code and its own id for what it took."""

    clinic_id: UUID
    id: UUID
    state: AttemptState
    code: str | None = None
    provider_id: str | None = None


def start(session: Session, rows: Iterable[Values]) -> list[dict[str, Any]]:
    """Insert attempts by their columns; with their ids, which are in the callback addresses."""
    return batches.insert(session, Attempt, rows)


def abandon(session: Session, messages: Sequence[Key], *, now: datetime) -> int:
    """End as unknown what others began on these messages and never ended: their lease ran out."""
    attempts = batches.table(Attempt)
    ended = {"state": AttemptState.UNKNOWN, "code": LEASE_LOST, "ended_at": now}
    begun = sa.update(attempts).where(attempts.c.ended_at.is_(None)).values(ended)
    return batches.update(session, begun, attempts, messages, column="message_id")


def end(session: Session, endings: Sequence[Ending], *, now: datetime) -> int:
    """End attempts that have not ended, or ended unknown; how many did."""
    attempts = batches.table(Attempt)
    rows = (
        {
            "clinic_id": ending.clinic_id,
            "id": ending.id,
            "state": ending.state,
            "code": ending.code,
            "provider_id": ending.provider_id,
            "ended_at": now,
        }
        for ending in endings
    )
    undecided = sa.or_(attempts.c.state == AttemptState.STARTED, attempts.c.state == AttemptState.UNKNOWN)
    return batches.change(session, Attempt, rows, undecided)


def of_messages(session: Session, keys: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """By message, the first try first."""
    attempts = batches.table(Attempt)
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    query = sa.select(attempts).order_by(attempts.c.number)
    for row in batches.fetch(session, query, attempts, keys, column="message_id"):
        found[row.message_id].append(row)
    return found
