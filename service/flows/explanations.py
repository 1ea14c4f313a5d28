"""Why did she (not) get it? The answer of the very function that decides, with what comes next and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, deployments, items, messages, reminders
from db.batches import Key
from schedules import guard, ladder
from schedules.guard import Decision
from service.errors import Problem
from service.flows import situations
from service.flows.courses import NOTHING_HERE, patient
from service.flows.situations import Seen


@dataclass(frozen=True, slots=True)
class Part:
    """Of a list the last made first: so many, from the one made before that."""

    before: UUID | None
    limit: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Next:
    """The rung that comes after this one on its track."""

    rung: str
    send_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """One reminder, with what would become of it; `decision` is null once something has."""

    row: sa.Row
    decision: Decision | None
    decided_for: datetime | None  # the moment for which the rules were asked
    nothing_is_sent: bool  # the whole database is held
    next: Next | None


def explain(session: Session, key: Key, *, by: str, now: datetime) -> Explained:
    row = reminders.one(session, key)
    if row is None:
        raise Problem(404, NOTHING_HERE)
    whose = row.clinic_id, row.patient_id
    patient(session, whose)
    stored = items.of(session, [(row.clinic_id, row.item_id)])
    seen = situations.see(session, [whose], stored, now=now)
    moment = max(now, row.send_at) if row.decided_at is None else None
    decision = None if moment is None else guard.decide(situations.of(seen, row, moment))
    _record(session, whose, by, "explain reminder", now)
    return Explained(
        row=row,
        decision=decision,
        decided_for=moment,
        nothing_is_sent=deployments.is_held(session),
        next=_next(session, seen, row),
    )


def _next(session: Session, seen: Seen, row: sa.Row) -> Next | None:
    """What waits on the same track; for the reminder that waits itself, the rung after it."""
    stored = seen.stored[row.item_id]
    if stored.item.class_ is not None:
        return None
    others = reminders.of_items(session, [stored.key]).get(row.item_id, [])
    waits = [one for one in others if one.decided_at is None and one.track == row.track]
    if row.decided_at is not None:
        return Next(rung=waits[0].rung, send_at=waits[0].send_at) if waits else None
    hours = seen.people[row.patient_id].of(row.track.value)
    step = ladder.next_rung(
        stored.item, row.track.value, hours=hours, begins=stored.version_at, after=row.position
    )
    return None if step is None else Next(rung=step.name, send_at=step.planned)


def reminders_of(session: Session, key: Key, part: Part, *, by: str, now: datetime) -> Sequence[sa.Row]:
    patient(session, key)
    _record(session, key, by, "read reminders", now)
    return reminders.of_patient(session, key, before=part.before, limit=part.limit)


def messages_of(session: Session, key: Key, part: Part, *, by: str, now: datetime) -> Sequence[sa.Row]:
    patient(session, key)
    _record(session, key, by, "read messages", now)
    return messages.of_patient(session, key, before=part.before, limit=part.limit)


def _record(session: Session, key: Key, by: str, action: str, now: datetime) -> None:
    audit.record(session, key[0], by, action, subject=("patient", str(key[1])), now=now)
