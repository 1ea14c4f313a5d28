"""What providers said of what they took, and the messages that wait for it."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key
from db.tables import Clinic, Message, MessageState, Receipt


def keep(session: Session, row: Mapping[str, object]) -> None:
    """Store a receipt by its columns. One that is there already changes nothing."""
    session.execute(batches.upsert(session, Receipt).values(row).on_conflict_do_nothing())


def unmatched(session: Session, *, after: UUID | None, limit: int) -> Sequence[UUID]:
    """The keys of receipts that no message has taken yet, in the order of keys."""
    receipts = batches.table(Receipt)
    query = sa.select(receipts.c.key).distinct().where(receipts.c.matched_at.is_(None))
    if after is not None:
        query = query.where(receipts.c.key > after)
    return session.scalars(query.order_by(receipts.c.key).limit(limit)).all()


def of_keys(session: Session, keys: Collection[UUID]) -> Sequence[sa.Row]:
    """Everything that was said of these keys."""
    receipts = batches.table(Receipt)
    return session.execute(sa.select(receipts).where(receipts.c.key.in_(keys))).all()


def match(session: Session, keys: Collection[tuple[UUID, str]], *, now: datetime) -> None:
    """What was said of these (key, channel) is part of their messages from now on."""
    receipts = batches.table(Receipt)
    for key, channel in sorted(keys):
        its = (receipts.c.key == key, receipts.c.channel == channel, receipts.c.matched_at.is_(None))
        session.execute(sa.update(receipts).where(*its).values(matched_at=now))


def forget(session: Session, *, before: datetime) -> None:
    """Drop what is older: neither a replay nor a message of it can still come."""
    receipts = batches.table(Receipt)
    session.execute(sa.delete(receipts).where(receipts.c.received_at < before))


def messages_of(session: Session, keys: Collection[UUID]) -> list[Key]:
    """The messages of these ids, of whatever clinic."""
    messages = batches.table(Message)
    clinics = session.scalars(sa.select(batches.table(Clinic).c.id)).all()
    mine = sa.and_(messages.c.clinic_id.in_(clinics), messages.c.id.in_(keys))
    return [(row.clinic_id, row.id) for row in session.execute(sa.select(messages).where(mine))]


def overdue(session: Session, *, now: datetime, limit: int) -> list[Key]:
    """Messages that were accepted and whose receipt should have come."""
    messages = batches.table(Message)
    late = sa.and_(messages.c.receipt_by.is_not(None), messages.c.receipt_by <= now)
    query = sa.select(messages).where(late).order_by(messages.c.receipt_by).limit(limit)
    return [(row.clinic_id, row.id) for row in session.execute(query)]


def locked(session: Session, keys: Sequence[Key]) -> list[sa.Row]:
    """These messages as they are, until the commit. Lock their items first."""
    messages = batches.table(Message)
    query = sa.select(messages).order_by(messages.c.clinic_id, messages.c.id).with_for_update()
    return list(batches.fetch(session, query, messages, sorted(keys)))


def settle(session: Session, keys: Sequence[Key], values: Mapping[str, object]) -> int:
    """Write what became of accepted messages; how many there were."""
    messages = batches.table(Message)
    taken = (MessageState.ACCEPTED, MessageState.DELIVERED)
    statement = sa.update(messages).where(messages.c.state.in_(taken)).values(dict(values))
    return batches.update(session, statement, messages, keys)
