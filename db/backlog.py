"""How much is to be done now, for the metrics: what is asked every few seconds must cost the same for ever.

So every query walks a partial index that holds only what has not ended, and stops at `MOST` rows: of more it
says that many. Messages that have ended are counted by the process that ended them, and nobody counts here
what waits for a later day.
"""

from datetime import UTC, datetime
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import Message, WorkItem

MOST = 100_000
EVER = datetime(1, 1, 1, tzinfo=UTC)  # a bound, for SQLite takes an index of no column it is asked about


class Pending(NamedTuple):
    state: str  # due, claimed, in doubt (it is looked at again), or unknown (it is a person's)
    channel: str
    many: int


class Open(NamedTuple):
    level: str
    many: int
    oldest: datetime


def pending(session: Session, *, now: datetime) -> list[Pending]:
    """Messages that are to be sent, are being sent, or of which nobody knows whether they arrived."""
    messages = batches.table(Message)
    of = {
        "due": sa.and_(sa.text("state = 'waiting'"), messages.c.send_at <= now),
        "claimed": sa.and_(sa.text("state = 'claimed'"), messages.c.lease_until > EVER),
        "in-doubt": sa.and_(sa.text("state = 'unknown'"), messages.c.lease_until > EVER),
        "unknown": sa.and_(sa.text("state = 'unknown'"), messages.c.lease_until.is_(None)),
    }
    found = []
    for state, condition in of.items():
        some = sa.select(messages.c.channel).where(condition).limit(MOST).subquery()
        query = sa.select(some.c.channel, sa.func.count()).group_by(some.c.channel)
        found += [Pending(state, channel.value, count) for channel, count in session.execute(query)]
    return found


def open_work(session: Session) -> list[Open]:
    """Work items that nobody has finished, by level."""
    work = batches.table(WorkItem)
    unfinished = sa.select(work.c.level, work.c.opened_at).where(sa.text("state <> 'done'"))
    some = unfinished.limit(MOST).subquery()
    query = sa.select(some.c.level, sa.func.count(), sa.func.min(some.c.opened_at)).group_by(some.c.level)
    return [Open(str(level), count, oldest) for level, count, oldest in session.execute(query)]
