"""Notices: messages that are no reminders. Each is planned once by its key; staff are told, or nobody."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, staff
from db.batches import Key, Values
from db.tables import Attempt, Audience, Channel, Kind, Message, MessageState
from db.types import new_id

HOUSE = UUID(int=0)  # whose the canaries are: no clinic's
RUNG = "rung/"  # what the key of an alarm that goes up the rota begins with
AGAIN = "again/"  # what the key of an alarm's repetition begins with
PLAIN = {"audience": Audience.COORDINATOR, "channel": Channel.OUTBOX}


def plan(session: Session, rows: Iterable[Values], *, now: datetime) -> None:
    """Insert notices by their columns; one whose key is there already changes nothing."""
    batches.insert_new(session, Message, (PLAIN | dict(row) | {"created_at": now} for row in rows))


def alarm(session: Session, clinic_ids: Sequence[UUID], *, now: datetime) -> None:
    """Tell the staff of these clinics at once that there is red work: each address, or the local outbox.

    Every call adds rows of its own, so that nobody waits for another; the claim tells them in one mail.
    """
    if not clinic_ids:
        return
    addresses = [row for row in staff.of_clinics(session, clinic_ids) if row.alarms]
    mailed = {row.clinic_id for row in addresses}
    told: list[tuple[UUID, UUID | None]] = [(row.clinic_id, row.id) for row in addresses]
    told += [(clinic_id, None) for clinic_id in clinic_ids if clinic_id not in mailed]
    plan(session, [an_alarm(clinic_id, address_id, now) for clinic_id, address_id in told], now=now)


def an_alarm(clinic_id: UUID, address_id: UUID | None, now: datetime) -> Values:
    about = {"clinic_id": clinic_id, "staff_address_id": address_id}
    return about | {"kind": Kind.ALARM, "key": f"new/{new_id()}", "send_at": now}


def fold(session: Session, alarms: Iterable[Key], *, now: datetime) -> None:
    """End the alarms that are due at these places, by clinic and address or HOUSE: others say the same.

    Read what it says after this: what they are about is committed.
    """
    messages = batches.table(Message)
    due = sa.and_(messages.c.state == sa.text("'waiting'"), messages.c.send_at <= now)
    query = sa.select(messages.c.clinic_id, messages.c.id).where(
        messages.c.key.is_not(None), messages.c.kind == sa.text("'alarm'"), due
    )
    here = sa.or_(
        sa.false(),
        *(sa.and_(messages.c.clinic_id == clinic_id, _place() == to) for clinic_id, to in alarms),
    )
    free = sa.select(query.where(here).with_for_update(skip_locked=True).cte()).cte()
    same = sa.and_(messages.c.clinic_id == free.c.clinic_id, messages.c.id == free.c.id)
    session.execute(sa.update(messages).where(same).values(state=MessageState.EMPTY))


def _place() -> sa.ColumnElement[UUID]:
    """Where a notice is read: at an address, or in the local outbox."""
    address = batches.table(Message).c.staff_address_id
    return sa.func.coalesce(address, sa.literal(HOUSE, address.type))


def known(session: Session, keys: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Those of these (clinic, key) that are planned already."""
    messages = batches.table(Message)
    query = sa.select(messages.c.clinic_id, messages.c.key).where(messages.c.key.is_not(None))
    found = batches.fetch(session, query, messages, keys, column="key")
    return {(row.clinic_id, row.key) for row in found}


def of(session: Session, keys: Sequence[Key]) -> dict[UUID, sa.Row]:
    """By id what a claim does not say of a notice: its key, its address, since when it is planned."""
    messages = batches.table(Message)
    query = sa.select(*(messages.c[name] for name in ("id", "key", "staff_address_id", "created_at")))
    return {row.id: row for row in batches.fetch(session, query, messages, keys)}


def last_told(session: Session, kind: Kind, clinic_ids: Collection[UUID]) -> dict[Key, datetime]:
    """When one of that kind was last accepted, by clinic and staff address; HOUSE is the local outbox."""
    messages = batches.table(Message)
    to = _place()
    query = sa.select(messages.c.clinic_id, to.label("to"), sa.func.max(messages.c.accepted_at).label("at"))
    told = query.where(
        messages.c.key.is_not(None), messages.c.kind == kind, messages.c.accepted_at.is_not(None)
    )
    rows = session.execute(
        told.where(messages.c.clinic_id.in_(clinic_ids)).group_by(messages.c.clinic_id, to)
    )
    return {(row.clinic_id, row.to): row.at for row in rows}


def last_digests(session: Session) -> dict[UUID, datetime]:
    """When each clinic's last digest was accepted, wherever it was read."""
    messages = batches.table(Message)
    told = sa.select(messages.c.clinic_id, sa.func.max(messages.c.accepted_at).label("at"))
    told = told.where(messages.c.key.is_not(None), messages.c.kind == Kind.DIGEST)
    rows = session.execute(told.where(messages.c.accepted_at.is_not(None)).group_by(messages.c.clinic_id))
    return {row.clinic_id: row.at for row in rows}


def newest_canary(session: Session, *, accepted: bool = False) -> sa.Row | None:
    """The canary that was planned last, or the last of those that were accepted."""
    messages = batches.table(Message)
    columns = (messages.c[name] for name in ("id", "created_at", "accepted_at"))
    query = _canaries(*columns).order_by(messages.c.created_at.desc(), messages.c.id.desc()).limit(1)
    return session.execute(query.where(messages.c.accepted_at.is_not(None)) if accepted else query).first()


def forget_canaries(session: Session, *, before: datetime) -> None:
    """Delete canaries of before with their attempts: they are nobody's record."""
    messages, attempts = batches.table(Message), batches.table(Attempt)
    old = _canaries(messages.c.id).where(messages.c.created_at < before)
    session.execute(sa.delete(attempts).where(attempts.c.clinic_id == HOUSE, attempts.c.message_id.in_(old)))
    session.execute(sa.delete(messages).where(messages.c.clinic_id == HOUSE, messages.c.id.in_(old)))


def _canaries(*columns: sa.ColumnElement) -> sa.Select:
    messages = batches.table(Message)
    return sa.select(*columns).where(messages.c.clinic_id == HOUSE, messages.c.key.is_not(None))
