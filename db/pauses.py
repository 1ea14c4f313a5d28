"""Pauses: at most one of a clinic is open, and one whose end has come lasts no longer."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, col, select

from db import batches
from db.tables import Pause

BY_ITSELF = "its end"


def lasting(session: Session, *, now: datetime) -> Sequence[Pause]:
    """The pauses that are on."""
    return session.exec(select(Pause).where(col(Pause.ended_at).is_(None), col(Pause.until) > now)).all()


def begin(session: Session, rows: Iterable[dict[str, Any]], *, now: datetime) -> None:
    """Insert pauses by their columns. Those whose end has come are closed first."""
    pauses = batches.table(Pause)
    over = sa.and_(pauses.c.ended_at.is_(None), pauses.c.until <= now)
    session.execute(sa.update(pauses).where(over).values(ended_at=pauses.c.until, ended_by=BY_ITSELF))
    batches.insert(session, Pause, rows)


def end(session: Session, clinic_ids: Sequence[UUID], *, by: str, now: datetime) -> list[UUID]:
    """End the pauses of these clinics that are on; whose they were."""
    pauses = batches.table(Pause)
    on = sa.and_(pauses.c.ended_at.is_(None), pauses.c.until > now, pauses.c.clinic_id.in_(clinic_ids))
    ended = sa.update(pauses).where(on).values(ended_at=now, ended_by=by).returning(pauses.c.clinic_id)
    return list(session.scalars(ended))
