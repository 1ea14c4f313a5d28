"""Signs of life of the loops."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from db import batches
from db.tables import Heartbeat


def beat(
    session: Session,
    loop: str,
    process: str,
    *,
    now: datetime,
    tzdata: str,
    oldest_due_at: datetime | None = None,
    ahead_seconds: float | None = None,
) -> None:
    """This loop of this process is alive, and how long the oldest due message has waited."""
    state = {
        "at": now,
        "oldest_due_at": oldest_due_at,
        "tzdata_version": tzdata,
        "ahead_seconds": ahead_seconds,
    }
    first = batches.upsert(session, Heartbeat).values(loop=loop, process=process, **state)
    session.execute(first.on_conflict_do_update(index_elements=["loop", "process"], set_=state))


def forget(session: Session, *, before: datetime) -> None:
    """Drop what processes that have ended left behind: each has rows of its own."""
    session.execute(sa.delete(Heartbeat).where(col(Heartbeat.at) < before))


def every(session: Session) -> Sequence[Heartbeat]:
    return session.exec(select(Heartbeat).order_by(col(Heartbeat.loop), col(Heartbeat.at).desc())).all()
