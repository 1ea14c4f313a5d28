"""Many alarms at once are one mail, and each is repeated until somebody takes the work it is about."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from db import notices, work_items
from db.batches import Key
from db.messages import Claimed
from db.tables import Kind

GAP = timedelta(minutes=1)  # between two alarms to one address: what came meanwhile is told in the second
SOON, HOURLY = timedelta(minutes=30), timedelta(hours=1)  # product choices, as is their end
LONGEST = timedelta(hours=24)


def fold(session: Session, claimed: Sequence[Claimed], *, now: datetime) -> None:
    """However much happens at once, what is left of the queue of alarms is in the mails of this claim."""
    told = [message.key for message in claimed if message.kind is Kind.ALARM]
    rows = notices.of(session, told)
    places = {(clinic_id, rows[id_].staff_address_id or notices.HOUSE) for clinic_id, id_ in told}
    notices.fold(session, places, now=now)


def repeat(session: Session, told: Sequence[tuple[Key, UUID]], *, now: datetime) -> None:
    """Plan the next alarm after each of these, by message and address, where nobody took the work yet."""
    last: dict[UUID, datetime] = {}
    clinic_ids = {clinic_id for (clinic_id, _), _ in told}
    for row in work_items.unacknowledged(session, clinic_ids, now=now) if told else ():
        last[row.clinic_id] = max(row.last, last.get(row.clinic_id, row.last))
    rows = [
        {
            "clinic_id": clinic_id,
            "kind": Kind.ALARM,
            "key": f"{notices.AGAIN}{message_id}",
            "staff_address_id": address_id,
            "send_at": at,
        }
        for (clinic_id, message_id), address_id in told
        if clinic_id in last and (at := repeated_at(last[clinic_id], now)) is not None
    ]
    notices.plan(session, rows, now=now)


def repeated_at(opened_at: datetime, now: datetime) -> datetime | None:
    """When an alarm about work whose newest was opened then is said again; None once that is a day ago.

    From then on the digest goes on counting it.
    """
    age = now - opened_at
    if age >= LONGEST:
        return None
    return now + (SOON if age < HOURLY else HOURLY)
