"""Reminders: why something is to be said. A reminder that waits is undecided: `decided_at` is null."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key, Values
from db.tables import Course, Item, Message, Reminder, ReminderState

SAID = ("clinic_id", "id", "item_id", "patient_id", "message_id", "version", "track", "position", "send_at")
CLOSED = "closed: "  # what the reason of a withdrawal begins with when the item closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """How one reminder ended, and why."""

    clinic_id: UUID
    id: UUID
    state: ReminderState
    reason: str


def add(session: Session, rows: Iterable[Values]) -> list[dict[str, Any]]:
    """Insert reminders by their columns. Lock their items first (`items.lock_open`)."""
    return batches.insert(session, Reminder, rows)


def of_items(session: Session, keys: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """Every reminder by item, in the order of version, track and position: the position only goes up.

    With the state of its message, null where it has none.
    """
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, _with_message(), batches.table(Reminder), keys, column="item_id"):
        found[row.item_id].append(row)
    return found


@cache
def _with_message() -> sa.Select:
    reminders, messages = batches.table(Reminder), batches.table(Message)
    order = (reminders.c.version, reminders.c.track, reminders.c.position, reminders.c.id)
    of_message = sa.and_(
        messages.c.clinic_id == reminders.c.clinic_id, messages.c.id == reminders.c.message_id
    )
    query = sa.select(reminders, messages.c.state.label("message_state")).join_from(
        reminders, messages, of_message, isouter=True
    )
    return query.order_by(*order)


def standing(session: Session, keys: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """How far each item is: of its reminders what the next rung depends on, and who has the message."""
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, _standing(), batches.table(Reminder), keys, column="item_id"):
        found[row.item_id].append(row)
    return found


@cache
def _standing() -> sa.Select:
    reminders, messages = batches.table(Reminder), batches.table(Message)
    names = ("item_id", "id", "version", "track", "position", "send_at", "decided_at", "message_id")
    of_message = sa.and_(
        *(reminders.c.decided_at.is_(None), messages.c.clinic_id == reminders.c.clinic_id),
        messages.c.id == reminders.c.message_id,
    )
    state = messages.c.state.label("message_state")
    query = sa.select(*(reminders.c[name] for name in names), state)
    return query.join_from(reminders, messages, of_message, isouter=True)


def items_of(session: Session, keys: Sequence[Key]) -> set[Key]:
    """The items of what these messages have to say."""
    reminders = batches.table(Reminder)
    query = sa.select(reminders.c.clinic_id, reminders.c.item_id).where(reminders.c.decided_at.is_(None))
    rows = batches.fetch(session, query, reminders, keys, column="message_id")
    return {(row.clinic_id, row.item_id) for row in rows}


def of_messages(session: Session, keys: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """What each message has to say: its waiting reminders by message, the earliest due first."""
    reminders = batches.table(Reminder)
    query = sa.select(*(reminders.c[name] for name in SAID)).where(reminders.c.decided_at.is_(None))
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, query.order_by(reminders.c.id), reminders, keys, column="message_id"):
        found[row.message_id].append(row)
    return found


def said_in(session: Session, keys: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """What each message said."""
    reminders = batches.table(Reminder)
    query = sa.select(reminders).where(reminders.c.state == ReminderState.SENT).order_by(reminders.c.id)
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, query, reminders, keys, column="message_id"):
        found[row.message_id].append(row)
    return found


def say_again(session: Session, said: Sequence[Key], instead_of: Sequence[Key]) -> None:
    """Let what was sent wait again; the rungs after it go, to be written anew once it is said."""
    reminders = batches.table(Reminder)
    batches.update(session, sa.delete(reminders), reminders, sorted(instead_of))
    waits = {"state": ReminderState.WAITING, "reason": None, "decided_at": None}
    batches.update(session, sa.update(reminders).values(waits), reminders, sorted(said))


def one(session: Session, key: Key) -> sa.Row | None:
    reminders = batches.table(Reminder)
    return session.execute(sa.select(reminders).where(batches.same(reminders, key))).one_or_none()


def of_patient(session: Session, key: Key, *, before: UUID | None, limit: int) -> Sequence[sa.Row]:
    """Reminders of a patient with whose item each is, the last made first."""
    reminders, items = batches.table(Reminder), batches.table(Item)
    its = sa.and_(items.c.clinic_id == reminders.c.clinic_id, items.c.id == reminders.c.item_id)
    of_item = (items.c.course_id, items.c.clock, items.c.ordinal)
    query = sa.select(reminders, *of_item).join_from(reminders, items, its)
    return batches.newest(session, query, reminders, key, before=before, limit=limit)


def put_off(
    session: Session, clinic_ids: Sequence[UUID], *, now: datetime, beyond: datetime
) -> Sequence[sa.Row]:
    """What waits although its own time has come, for its message is to go later than `beyond`."""
    reminders, messages = batches.table(Reminder), batches.table(Message)
    its = sa.and_(messages.c.clinic_id == reminders.c.clinic_id, messages.c.id == reminders.c.message_id)
    later = sa.and_(messages.c.state == sa.text("'waiting'"), messages.c.send_at > beyond)
    due = sa.and_(reminders.c.state == sa.text("'waiting'"), reminders.c.send_at <= now)
    query = sa.select(reminders).join_from(reminders, messages, its).where(due, later)
    return session.execute(query.where(reminders.c.clinic_id.in_(clinic_ids))).all()


def untaken(session: Session, patients: Sequence[Key], *, now: datetime) -> list[sa.Row]:
    """What is due to these patients in messages that were never taken to be sent."""
    reminders, messages = batches.table(Reminder), batches.table(Message)
    its = sa.and_(messages.c.clinic_id == reminders.c.clinic_id, messages.c.id == reminders.c.message_id)
    due = sa.and_(
        messages.c.state == sa.text("'waiting'"), messages.c.send_at <= now, messages.c.attempts == 0
    )
    query = (
        sa.select(reminders).join_from(messages, reminders, its).where(due, reminders.c.decided_at.is_(None))
    )
    rows = batches.fetch(session, query.order_by(reminders.c.id), messages, patients, column="patient_id")
    return list(rows)


def of_other_zones(session: Session, tzdata: str) -> int:
    """How many wait whose moment was computed with another version of the zones."""
    counted = sa.select(sa.func.count()).select_from(batches.table(Reminder))
    return session.scalar(counted.where(_of_other_zones(tzdata))) or 0


def items_of_other_zones(session: Session, tzdata: str, *, limit: int) -> list[Key]:
    """Items with such reminders."""
    reminders = batches.table(Reminder)
    keys = sa.select(reminders.c.clinic_id, reminders.c.item_id).where(_of_other_zones(tzdata)).distinct()
    return [(row.clinic_id, row.item_id) for row in session.execute(keys.limit(limit))]


def computed_with(session: Session, keys: Sequence[Key], tzdata: str) -> None:
    """The moments of what waits for these items are those of this version of the zones."""
    reminders = batches.table(Reminder)
    waiting = sa.update(reminders).where(reminders.c.state == sa.text("'waiting'"))
    batches.update(session, waiting.values(tzdata_version=tzdata), reminders, keys, column="item_id")


def _of_other_zones(tzdata: str) -> sa.ColumnElement[bool]:
    reminders = batches.table(Reminder)
    return sa.and_(reminders.c.state == sa.text("'waiting'"), reminders.c.tzdata_version != tzdata)


def decide(session: Session, decisions: Sequence[Decision], *, now: datetime) -> int:
    """End reminders that still wait; how many did. What was sent stays sent, even if withdrawn meanwhile."""
    reminders = batches.table(Reminder)
    waiting = reminders.c.decided_at.is_(None)
    withdrawn = reminders.c.state == ReminderState.WITHDRAWN
    said = [_ended(one, now) for one in decisions if one.state is ReminderState.SENT]
    others = [_ended(one, now) for one in decisions if one.state is not ReminderState.SENT]
    count = batches.change(session, Reminder, said, sa.or_(waiting, withdrawn))
    return count + batches.change(session, Reminder, others, waiting)


def _ended(decision: Decision, now: datetime) -> Values:
    return {
        "clinic_id": decision.clinic_id,
        "id": decision.id,
        "state": decision.state,
        "reason": decision.reason,
        "decided_at": now,
    }


def withdraw(session: Session, keys: Sequence[Key], *, reason: str, now: datetime) -> int:
    """Withdraw whatever waits for these items; how many did."""
    reminders = batches.table(Reminder)
    ended = {"state": ReminderState.WITHDRAWN, "reason": reason, "decided_at": now}
    waiting = sa.update(reminders).where(reminders.c.decided_at.is_(None)).values(ended)
    return batches.update(session, waiting, reminders, keys, column="item_id")


def reopen(session: Session, keys: Sequence[Key]) -> int:
    """Let what was withdrawn because these items closed wait again, the last of each track; how many do.

    Else an item whose closing was a mistake would lose the rung that waited: the next can be weeks later.
    """
    return batches.update(session, _reopening(), batches.table(Reminder), keys, column="item_id")


@cache
def _reopening() -> sa.Update:
    reminders = batches.table(Reminder)
    later = reminders.alias()
    same = [later.c[name] == reminders.c[name] for name in ("clinic_id", "item_id", "track")]
    newer = sa.tuple_(later.c.version, later.c.position) > sa.tuple_(
        reminders.c.version, reminders.c.position
    )
    waits = {"state": ReminderState.WAITING, "reason": None, "decided_at": None, "message_id": None}
    closed = sa.and_(reminders.c.state == ReminderState.WITHDRAWN, reminders.c.reason.startswith(CLOSED))
    return sa.update(reminders).where(closed, ~sa.exists().where(*same, newer)).values(waits)


def move(session: Session, rows: Sequence[Values]) -> int:
    """Give waiting reminders another message, or another time: `clinic_id`, `id` and the columns to set."""
    return batches.change(session, Reminder, rows, batches.table(Reminder).c.decided_at.is_(None))


def unreleased(session: Session, clinic_id: UUID, import_id: UUID) -> Sequence[sa.Row]:
    """The reminders of an import's courses that wait for its release, the longest overdue item first."""
    reminders, items, courses = (batches.table(model) for model in (Reminder, Item, Course))
    of_item = sa.and_(items.c.clinic_id == reminders.c.clinic_id, items.c.id == reminders.c.item_id)
    of_course = sa.and_(courses.c.clinic_id == items.c.clinic_id, courses.c.id == items.c.course_id)
    query = (
        sa.select(reminders, items.c.last_on_time, items.c.due_on, items.c.clock, items.c.course_id)
        .join_from(reminders, items, of_item)
        .join(courses, of_course)
        .where(courses.c.clinic_id == clinic_id, courses.c.import_id == import_id)
        .where(reminders.c.decided_at.is_(None), reminders.c.message_id.is_(None))
        .order_by(items.c.last_on_time, reminders.c.id)
    )
    return session.execute(query).all()
