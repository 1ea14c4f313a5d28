"""Whose database this is, and whether it is held: then nothing is sent until a person releases it."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import Attempt, Deployment, Heartbeat, Message

TRACES = ((Heartbeat, "at"), (Attempt, "started_at"), (Message, "created_at"))
NOBODY = "nobody"  # the id of a database that was held before it had one


def get(session: Session) -> Deployment | None:
    return session.get(Deployment, 1)


def is_held(session: Session) -> bool:
    deployments = batches.table(Deployment)
    held = sa.select(deployments.c.number).where(deployments.c.held_since.is_not(None))
    return session.scalar(held) is not None


def adopt(session: Session, id_: str) -> None:
    """This database is that deployment's, if it is nobody's yet."""
    session.execute(batches.upsert(session, Deployment).values(number=1, id=id_).on_conflict_do_nothing())


def hold(session: Session, *, reason: str, now: datetime) -> None:
    """Hold it since the last moment it knows of. A hold that is on stays as it is."""
    session.execute(holding(batches.upsert(session, Deployment), reason=reason, now=now))


def holding(insert: Any, *, reason: str, now: datetime) -> sa.Insert:
    """The statement that holds, from an INSERT in a database's own words: a restore needs it as text."""
    deployments = batches.table(Deployment)
    last = sa.union_all(*(sa.select(sa.func.max(batches.table(m).c[at]).label("at")) for m, at in TRACES))
    since = sa.func.coalesce(
        sa.select(sa.func.max(last.subquery().c.at)).scalar_subquery(),
        sa.literal(now, deployments.c.held_since.type),
    )
    row = insert.values(number=1, id=NOBODY, held_since=since, held_reason=reason)
    return row.on_conflict_do_update(
        index_elements=["number"],
        set_={"held_since": row.excluded.held_since, "held_reason": reason},
        where=deployments.c.held_since.is_(None),
    )


def release(session: Session, id_: str, *, by: str, now: datetime) -> bool:
    """It is that deployment's from now on, and may send; False when it was not held."""
    deployments = batches.table(Deployment)
    free = {"id": id_, "held_since": None, "held_reason": None, "released_at": now, "released_by": by}
    held = sa.update(deployments).where(deployments.c.held_since.is_not(None)).values(free)
    return session.execute(held).rowcount == 1  # type: ignore[attr-defined]
