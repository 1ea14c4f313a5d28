"""The next way for what was accepted and did not arrive: another consented channel, then a person."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from db import attempts, contacts, items, receipts, reminders, work_items
from db.batches import Key
from db.items import Stored
from db.tables import MessageState
from schedules import ladder
from service.channels import INSIDE, Channels
from service.flows import rungs

AGAIN = {"state": MessageState.WAITING, "accepted_at": None, "receipt_by": None, "slot_at": None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What becomes of a message that has no other way, and of what kind its work item is."""

    kind: str
    values: Mapping[str, object]


def lock(session: Session, keys: Sequence[Key]) -> list[sa.Row]:
    """These messages, locked after the items they spoke of, as everywhere."""
    said = reminders.said_in(session, keys)
    items.lock_open(session, list({(r.clinic_id, r.item_id) for rows in said.values() for r in rows}))
    return receipts.locked(session, keys)


def move_on(
    session: Session, messages: Sequence[sa.Row], channels: Channels, ending: Ending, *, now: datetime
) -> None:
    """Send these locked, accepted messages another way; where there is none, end them and tell a person."""
    keys = [_key(message) for message in messages]
    said = reminders.said_in(session, keys)
    stored = items.of(session, list({(r.clinic_id, r.item_id) for rows in said.values() for r in rows}))
    waiting = _waiting(session, stored)
    other = _others(session, messages, channels)
    who = rungs.people(session, list({(message.clinic_id, message.patient_id) for message in messages}))
    for message in messages:
        open_ = [row for row in said[message.id] if _is_open(row, stored[row.item_id])]
        later = [waiting.get((row.item_id, row.version, row.track)) for row in open_]
        free = all(row is None or row.message_state not in rungs.IN_HAND for row in later)
        if message.id in other and open_ and len(open_) == len(said[message.id]) and free:
            reminders.say_again(session, [_key(r) for r in open_], [_key(r) for r in later if r is not None])
            at = who[message.patient_id].hours.allowed_from(now)
            again = AGAIN | {"send_at": at, "channel": other[message.id].channel}
            receipts.settle(session, [_key(message)], again)
        else:
            receipts.settle(session, [_key(message)], ending.values)
            rows = [_work_item(stored[row.item_id], ending.kind, now) for row in open_[:1]]
            work_items.raise_(session, rows, now=now)


def _key(row: sa.Row) -> Key:
    return row.clinic_id, row.id


def _is_open(row: sa.Row, stored: Stored) -> bool:
    return stored.item.class_ is None and stored.version == row.version


def _waiting(session: Session, stored: Mapping[Any, Stored]) -> dict[tuple[Any, int, Any], sa.Row]:
    """By item, version and track the rung that waits."""
    past = reminders.of_items(session, [one.key for one in stored.values()])
    rows = (row for found in past.values() for row in found if row.decided_at is None)
    return {(row.item_id, row.version, row.track): row for row in rows}


def _others(session: Session, messages: Sequence[sa.Row], channels: Channels) -> dict[Any, sa.Row]:
    """By message the first contact on a channel that a transport carries and that was not tried."""
    people = list({(message.clinic_id, message.patient_id) for message in messages})
    reachable = contacts.reachable(session, people)
    tries = attempts.of_messages(session, [_key(message) for message in messages])
    found: dict[Any, sa.Row] = {}
    for message in messages:
        tried = {row.channel for row in tries.get(message.id, [])}
        for contact in reachable.get((message.patient_id, message.audience), ()):
            if contact.channel in channels and contact.channel not in tried | INSIDE:
                found.setdefault(message.id, contact)
    return found


def _work_item(row: Stored, kind: str, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": row.clinic_id,
        "patient_id": row.patient_id,
        "course_id": row.course_id,
        "item_id": row.id,
        "kind": kind,
        "level": "24h",
        "role": "coordinator",
        "key": f"item/{row.id}/{kind}",
        "due_by": now + ladder.DUE_BY["24h"],
    }
