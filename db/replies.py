"""What people told us by the link of a message."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key
from db.tables import Reply, ReplyKind


def first_done(session: Session, items: Sequence[Key]) -> dict[UUID, datetime]:
    """By item, when the patient first said that it was done."""
    replies = batches.table(Reply)
    query = sa.select(replies.c.item_id, replies.c.at).where(replies.c.kind == ReplyKind.DONE)
    rows = batches.fetch(session, query.order_by(replies.c.at.desc()), replies, items, column="item_id")
    return {row.item_id: row.at for row in rows}


def of_items(session: Session, items: Sequence[Key]) -> dict[UUID, sa.Row]:
    """By item, the last that was told about it."""
    replies = batches.table(Reply)
    query = sa.select(replies).order_by(replies.c.at, replies.c.id)
    return {row.item_id: row for row in batches.fetch(session, query, replies, items, column="item_id")}


def wrong_birth_dates(session: Session, patient: Key, *, since: datetime) -> int:
    replies = batches.table(Reply)
    query = sa.select(sa.func.count()).where(
        replies.c.clinic_id == patient[0],
        replies.c.patient_id == patient[1],
        replies.c.kind == ReplyKind.WRONG_BIRTH_DATE,
        replies.c.at > since,
    )
    return session.scalar(query) or 0
