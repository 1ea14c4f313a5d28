"""The queue: messages are ensured, claimed under a lease, and settled by who holds the claim."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key, Values
from db.tables import Audience, Channel, Clinic, Kind, Message, MessageState, Reminder


class Queue(StrEnum):
    """What is claimed together. Notices never wait behind reminders, and of notices alarms come first."""

    REMINDERS = "reminders"
    NOTICES = "notices"
    ALARMS = "alarms"


class Slot(NamedTuple):
    """Where reminders of one patient and audience meet: a quarter of an hour (its beginning, in UTC)."""

    clinic_id: UUID
    patient_id: UUID
    audience: Audience
    quarter: datetime

    @property
    def place(self) -> tuple[int, int, str, datetime]:
        """In the order in which they are locked."""
        return self.clinic_id.int, self.patient_id.int, self.audience, self.quarter


class Claimed(NamedTuple):
    """A message in our hands until the lease runs out; `token` proves it."""

    clinic_id: UUID
    id: UUID
    patient_id: UUID  # of a reminder; a notice has none, and nobody asks it
    audience: Audience
    channel: Channel
    send_at: datetime
    token: int
    attempts: int
    slot_at: datetime | None = None  # the turn it has in its channel's pace
    kind: Kind = Kind.REMINDER

    @property
    def key(self) -> Key:
        return self.clinic_id, self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a claimed message. Back to waiting needs `send_at`; what is None is left as it was.

    What is unknown is looked at again at `again_at`, or by a person.
    """

    claimed: Claimed
    state: MessageState
    accepted_at: datetime | None = None
    send_at: datetime | None = None
    again_at: datetime | None = None
    slot_at: datetime | None = None
    receipt_by: datetime | None = None
    channel: Channel | None = None
    subject: str | None = None
    body: str | None = None


def ensure(
    session: Session, slots: Iterable[tuple[Slot, Channel, datetime]], *, now: datetime
) -> dict[Slot, UUID]:
    """The message of each slot, made where there was none, from (slot, channel, sending time).

    They stay locked until the commit, so that none is claimed before its reminders are there. A slot whose
    message was already said, or is in another's hands, is left out: try the next quarter. Waiting for it
    could be for ever, for who claims a message waits for its items.
    """
    wanted = {slot: (channel, send_at) for slot, channel, send_at in slots}
    new = [_new(slot, *wanted[slot], now) for slot in sorted(wanted, key=lambda slot: slot.place)]
    made = batches.insert_new(session, Message, new)
    found = {Slot(*map(row.__getitem__, Slot._fields)): row["id"] for row in made}
    if len(found) == len(wanted):
        return found
    behind: list[Values] = []
    for slot, row in _open(session, sorted(wanted.keys() - found.keys(), key=lambda slot: slot.place)):
        found[slot] = row.id
        _, send_at = wanted[slot]
        if row.state == MessageState.EMPTY or send_at < row.send_at:
            behind.append(_waits(slot.clinic_id, row.id, send_at))
    batches.change(session, Message, behind)
    return found


def of_patient(session: Session, key: Key, *, before: UUID | None, limit: int) -> Sequence[sa.Row]:
    """Messages to a patient or carer, the last made first; one with nothing to say is none."""
    said = batches.table(Message)
    query = sa.select(said).where(said.c.state != MessageState.EMPTY)
    return batches.newest(session, query, said, key, before=before, limit=limit)


def claim(
    session: Session,
    *,
    now: datetime,
    limit: int,
    lease: timedelta,
    queue: Queue = Queue.REMINDERS,
    among: Collection[Audience] = (),
) -> list[Claimed]:
    """Take what is due and waits, what was taken and not settled in time, and doubts, of every clinic.

    Only of what is said to these audiences, where they are given.
    """
    given = {"now": now, "most": limit, "until": now + lease}
    return [Claimed(*row) for row in session.execute(_taking(queue, frozenset(among)), given)]


@cache
def _taking(queue: Queue, among: frozenset[Audience]) -> Any:
    """The statement, made once: to build it costs more than to run it."""
    messages = batches.table(Message)
    now, most = sa.bindparam("now", type_=messages.c.send_at.type), sa.bindparam("most", type_=sa.Integer)
    within = sa.and_(_within(queue), _to(among))
    stale = sa.and_(within, messages.c.state == sa.text("'claimed'"), messages.c.lease_until <= now)
    doubtful = sa.and_(within, messages.c.state == sa.text("'unknown'"), messages.c.lease_until <= now)
    fresh = sa.and_(within, messages.c.state == sa.text("'waiting'"), messages.c.send_at <= now)
    late = (_free(condition, messages.c.lease_until, limit=most) for condition in (stale, doubtful))
    kind = () if queue is Queue.REMINDERS else (messages.c.kind,)  # in the order of the alphabet
    free = (*late, _free(fresh, *kind, messages.c.send_at, limit=most))
    taken = sa.union_all(*free).limit(most).cte("taken")
    claimed = {
        "state": MessageState.CLAIMED,
        "token": messages.c.token + 1,
        "attempts": messages.c.attempts + 1,
        "lease_until": sa.bindparam("until", type_=messages.c.lease_until.type),
    }
    statement = sa.update(messages).values(claimed)
    mine = statement.where(messages.c.clinic_id == taken.c.clinic_id, messages.c.id == taken.c.id)
    return mine.returning(*(messages.c[name] for name in Claimed._fields))


def settle(session: Session, outcomes: Sequence[Outcome]) -> set[UUID]:
    """Store what became of messages; the ids of those that were still ours to settle."""
    ours = _ours(session, [outcome.claimed for outcome in outcomes])
    mine = [outcome for outcome in outcomes if outcome.claimed.id in ours]
    said = [{**_settled(outcome), **_text(outcome)} for outcome in mine if outcome.body is not None]
    silent = [_settled(outcome) for outcome in mine if outcome.body is None]
    if batches.change(session, Message, said) + batches.change(session, Message, silent) != len(ours):
        raise LookupError("a message that was locked to be settled is gone")
    return ours


def one(session: Session, id_: UUID) -> sa.Row | None:
    """The message of that id, of whichever clinic: its link names no other."""
    messages, clinics = batches.table(Message), batches.table(Clinic)
    query = sa.select(messages).where(messages.c.clinic_id.in_(sa.select(clinics.c.id)), messages.c.id == id_)
    return session.execute(query).one_or_none()


def let_go(session: Session) -> None:
    """Take every message out of the hands it was in: who had it may be a process of another database."""
    messages = batches.table(Message)
    free = {"state": MessageState.WAITING, "token": messages.c.token + 1, "lease_until": None}
    claimed = messages.c.state == sa.text("'claimed'")
    session.execute(sa.update(messages).where(claimed).values(free))


def renew(session: Session, *, until: datetime) -> None:
    """Give every claim a lease until that moment."""
    messages = batches.table(Message)
    claimed = messages.c.state == sa.text("'claimed'")
    session.execute(sa.update(messages).where(claimed).values(lease_until=until))


def shorten(session: Session, *, until: Mapping[MessageState, datetime]) -> None:
    """Let no lease last longer than this, by the state of its message.

    A clock that was set back leaves leases behind that would last until it is there again.
    """
    messages = batches.table(Message)
    for state, end in until.items():
        too_long = sa.and_(messages.c.state == sa.literal_column(f"'{state}'"), messages.c.lease_until > end)
        session.execute(sa.update(messages).where(too_long).values(lease_until=end))


def oldest_due(session: Session, *, now: datetime) -> datetime | None:
    """Since when the message that is due for the longest has waited."""
    messages = batches.table(Message)
    waiting = sa.and_(messages.c.state == sa.text("'waiting'"), messages.c.send_at <= now)
    return session.scalar(sa.select(sa.func.min(messages.c.send_at)).where(waiting))


def next_due(session: Session) -> datetime | None:
    """When the next message that waits is due."""
    messages = batches.table(Message)
    return session.scalar(
        sa.select(sa.func.min(messages.c.send_at)).where(messages.c.state == sa.text("'waiting'"))
    )


def coming(session: Session, *, until: datetime) -> Sequence[sa.Row]:
    """What waits for people at home and has something to say before then."""
    messages, reminders = batches.table(Message), batches.table(Reminder)
    names = ("clinic_id", "id", "patient_id", "audience")
    mine = sa.and_(reminders.c.clinic_id == messages.c.clinic_id, reminders.c.message_id == messages.c.id)
    said = sa.exists().where(mine, reminders.c.state == sa.text("'waiting'"))
    due = sa.and_(messages.c.state == sa.text("'waiting'"), messages.c.send_at < until)
    at_home = messages.c.audience.in_((Audience.PATIENT, Audience.CARER))
    return session.execute(sa.select(*(messages.c[n] for n in names)).where(due, at_home, said)).all()


def _new(slot: Slot, channel: Channel, send_at: datetime, now: datetime) -> Values:
    return slot._asdict() | {"channel": channel, "send_at": send_at, "created_at": now}


def _waits(clinic_id: UUID, message_id: UUID, send_at: datetime) -> Values:
    return {"clinic_id": clinic_id, "id": message_id, "state": MessageState.WAITING, "send_at": send_at}


def _open(session: Session, slots: Sequence[Slot]) -> Iterator[tuple[Slot, sa.Row]]:
    messages = batches.table(Message)
    columns = [messages.c[name] for name in Slot._fields]
    query = sa.select(*columns, messages.c.id, messages.c.state, messages.c.send_at).order_by(*columns)
    open_ = query.where(messages.c.state.in_((MessageState.WAITING, MessageState.EMPTY)))
    open_ = open_.with_for_update(skip_locked=True)
    for batch in batches.batched(slots):
        near = open_.where(messages.c.quarter.in_({slot.quarter for slot in batch}))
        wanted, people = set(batch), {(slot.clinic_id, slot.patient_id) for slot in batch}
        for row in batches.fetch(session, near, messages, sorted(people), column="patient_id"):
            if (slot := Slot(*row[: len(columns)])) in wanted:
                yield slot, row


def _to(among: Collection[Audience]) -> sa.ColumnElement[bool]:
    some = 0 < len(among) < len(Audience)
    return batches.table(Message).c.audience.in_(among) if some else sa.true()


def _within(queue: Queue) -> sa.ColumnElement[bool]:
    """By the key, of which the index of notices knows: it stays small, however many reminders wait."""
    messages = batches.table(Message)
    if queue is Queue.REMINDERS:
        return messages.c.key.is_(None)
    kinds = ("alarm",) if queue is Queue.ALARMS else ("alarm", "canary", "digest")
    listed = sa.text(f"message.kind IN ({', '.join(map(repr, kinds))})")
    return sa.and_(messages.c.key.is_not(None), listed)


def _free(condition: sa.ColumnElement[bool], *order: sa.ColumnElement[Any], limit: Any) -> sa.Select:
    """Up to `limit` keys that nobody else is taking: locked rows are passed over (SQLite has one writer)."""
    messages = batches.table(Message)
    keys = sa.select(messages.c.clinic_id, messages.c.id).where(condition).order_by(*order).limit(limit)
    return sa.select(keys.with_for_update(skip_locked=True).cte())


def _ours(session: Session, claims: Sequence[Claimed]) -> set[UUID]:
    messages = batches.table(Message)
    query = sa.select(messages.c.id, messages.c.token).where(messages.c.lease_until.is_not(None))
    ordered = query.order_by(messages.c.clinic_id, messages.c.id).with_for_update(skip_locked=True)
    tokens = {claim_.id: claim_.token for claim_ in claims}
    rows = batches.fetch(session, ordered, messages, [claim_.key for claim_ in claims])
    return {row.id for row in rows if row.token == tokens[row.id]}


def _settled(outcome: Outcome) -> Values:
    was = outcome.claimed
    return {
        "clinic_id": was.clinic_id,
        "id": was.id,
        "state": outcome.state,
        "lease_until": outcome.again_at,
        "accepted_at": outcome.accepted_at,
        "send_at": outcome.send_at or was.send_at,
        "slot_at": outcome.slot_at,
        "receipt_by": outcome.receipt_by,
        "channel": outcome.channel or was.channel,
    }


def _text(outcome: Outcome) -> Values:
    return {"subject": outcome.subject, "body": outcome.body}
