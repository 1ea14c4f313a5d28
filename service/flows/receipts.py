"""What a provider says later: delivered, undelivered, or nothing for too long.

A receipt is stored before it is answered and becomes part of its message in a loop, in whatever order and
however often it comes: undelivered outranks delivered, and that outranks accepted. What was not delivered, or
not confirmed in time, goes the next way there is; then a person is told.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import attempts, receipts
from db.batches import Key
from db.engine import writing
from db.tables import AttemptState, Channel, MessageState, ReceiptState
from service.channels import Channels, Receipt
from service.clock import Clock
from service.flows import reach, ways
from service.flows.ways import Ending

BATCH = 200
KEPT = timedelta(days=7)  # a receipt, for a message that is not known yet
TAKEN = (MessageState.ACCEPTED, MessageState.DELIVERED)
NOT_DELIVERED = Ending(kind="undeliverable", values={"state": MessageState.UNDELIVERED, "receipt_by": None})
DELIVERED = {"state": MessageState.DELIVERED, "receipt_by": None}


def keep(session: Session, receipt: Receipt, channel: Channel, *, now: datetime) -> None:
    """Store what was said; a replay changes nothing."""
    row = {
        "key": receipt.key,
        "channel": channel,
        "state": ReceiptState(receipt.state),
        "code": receipt.code,
        "bad_address": receipt.bad_address,
        "received_at": now,
    }
    receipts.keep(session, row)


def tick(
    engine: Engine, clock: Clock, channels: Channels, *, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Take up the receipts that came, and look after those that did not; how many there were."""
    handled, after = 0, None
    with writing(engine) as session:
        receipts.forget(session, before=clock() - KEPT)
    while True:
        with writing(engine) as session:
            keys = receipts.unmatched(session, after=after, limit=BATCH)
            handled += _match(session, keys, channels, clock())
        if not keys or not go_on():
            break
        after = keys[-1]
    return handled + _miss(engine, clock, channels, go_on)


# ---- those that came


def _match(session: Session, keys: Sequence[UUID], channels: Channels, now: datetime) -> int:
    """Give each message what was said of the way it went. Who is not known to have gone it yet waits."""
    found = ways.lock(session, receipts.messages_of(session, keys))
    said = _said(session, keys)
    tries = attempts.of_messages(session, [(row.clinic_id, row.id) for row in found])
    matched = set[tuple[UUID, str]]()
    undelivered, delivered, bad = list[sa.Row](), list[Key](), list[Key]()
    for message in found:
        for attempt in tries.get(message.id, []):
            told = said.get((message.id, attempt.channel))
            if told is None or attempt.state is not AttemptState.ACCEPTED:
                continue
            matched.add((message.id, attempt.channel))
            bad += _bad(attempt, told)
            of_a_notice = message.patient_id is None  # the next alarm comes, whatever became of this one
            if of_a_notice or message.state not in TAKEN or message.channel != attempt.channel:
                continue
            if told[0].state is ReceiptState.UNDELIVERED:
                undelivered.append(message)
            else:
                delivered.append((message.clinic_id, message.id))
    reach.mark_bad(session, bad, now=now)
    receipts.settle(session, delivered, DELIVERED)
    ways.move_on(session, undelivered, channels, NOT_DELIVERED, now=now)
    receipts.match(session, matched, now=now)
    return len(matched)


def _said(session: Session, keys: Sequence[UUID]) -> dict[tuple[UUID, Channel], list[sa.Row]]:
    """By key and channel, what outranks the rest first."""
    found: dict[tuple[UUID, Channel], list[sa.Row]] = defaultdict(list)
    rows = receipts.of_keys(session, keys)
    for row in sorted(rows, key=lambda row: row.state is not ReceiptState.UNDELIVERED):
        found[row.key, row.channel].append(row)
    return found


def _bad(attempt: sa.Row, told: Sequence[sa.Row]) -> Iterator[Key]:
    if attempt.contact_id is not None and any(row.bad_address for row in told):
        yield attempt.clinic_id, attempt.contact_id


# ---- those that did not


def _miss(engine: Engine, clock: Clock, channels: Channels, go_on: Callable[[], bool]) -> int:
    """Nobody says whether it arrived: it is shown so, and goes the next way or to a person."""
    handled = 0
    while True:
        now = clock()
        ending = Ending(kind="no-confirmation", values={"receipt_by": None, "unconfirmed_at": now})
        with writing(engine) as session:
            keys = receipts.overdue(session, now=now, limit=BATCH)
            late = [row for row in ways.lock(session, keys) if _is_late(row, now)]
            ways.move_on(session, late, channels, ending, now=now)
        handled += len(late)
        if not keys or not go_on():
            return handled


def _is_late(message: sa.Row, now: datetime) -> bool:
    awaited = message.receipt_by is not None and message.receipt_by <= now
    return awaited and message.state is MessageState.ACCEPTED
