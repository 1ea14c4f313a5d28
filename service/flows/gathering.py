"""What is due to one person at one time goes in one message, also where its own times were hours apart.

After an outage or a pause the messages of several days are due together: the earliest takes what the others
had to say, and those have nothing left to say.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import reminders
from db.messages import Claimed
from schedules import ladder
from service.flows import rungs

Said = Mapping[UUID, Sequence[sa.Row]]


def takers(claimed: Sequence[Claimed], doubtful: Collection[UUID], now: datetime) -> dict[UUID, Claimed]:
    """By message the earliest of the same person's in this claim, where some of what is due is late."""
    first: dict[tuple[UUID, object], Claimed] = {}
    found: dict[UUID, Claimed] = {}
    for message in sorted(claimed, key=lambda message: message.send_at):
        if message.attempts == 1 and message.id not in doubtful and message.audience in rungs.AT_HOME:
            taker = first.setdefault((message.patient_id, message.audience), message)
            if ladder.quarter(taker.send_at) < ladder.quarter(now):
                found[message.id] = taker
    return found


def unclaimed(session: Session, found: Mapping[UUID, Claimed], *, now: datetime) -> list[sa.Row]:
    """What else is due to these people, in messages that nobody has taken yet."""
    people = sorted({(message.clinic_id, message.patient_id) for message in found.values()})
    return reminders.untaken(session, people, now=now) if people else []


def gather(
    session: Session, said: Said, found: Mapping[UUID, Claimed], free: Sequence[sa.Row]
) -> dict[UUID, list[sa.Row]]:
    """What each message says now. The items of all these reminders are locked."""
    whole: dict[UUID, list[sa.Row]] = defaultdict(list)
    moved: list[tuple[sa.Row, Claimed]] = []
    for message_id, rows in said.items():
        taker = found.get(message_id)
        whole[message_id if taker is None else taker.id] += rows
        moved += [(row, taker) for row in rows if taker is not None and taker.id != message_id]
    by_person = {(taker.patient_id, taker.audience): taker for taker in found.values()}
    for row in free:
        taker = by_person.get((row.patient_id, row.track))
        if taker is not None:
            whole[taker.id].append(row)
            moved.append((row, taker))
    changes = [{"clinic_id": row.clinic_id, "id": row.id, "message_id": taker.id} for row, taker in moved]
    reminders.move(session, changes)
    return whole
