"""Patients move to another version of a protocol: each looked at, approved by a second person, in batches.

A rehearsal does what the move does and takes it back, so its figures are those of the move itself.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import audit, batches, clinics, courses, items, moves, protocols, reminders, work_items
from db.batches import Key
from db.engine import reading, writing
from db.items import Stored
from db.tables import Effect
from schedules import days, ladder
from schedules.facts import State
from schedules.fields import Level
from schedules.plan import EventRefused
from schedules.protocol import Protocol
from service.clock import Clock
from service.flows import plans

BATCH = 50
LEVEL: Level = "24h"
LATE = (State.OVERDUE, State.LAPSED)
Told = Callable[[int, int], None]  # how many of how many


def nobody(done: int, of: int) -> None:
    """Told to nobody."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What the move does to one clock's open item: the day is None where it has none."""

    clock: str
    was_due_on: date | None
    due_on: date | None
    becomes_overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What the move does to one course; refused: why it stays where it is."""

    course_id: UUID
    patient_id: UUID
    changes: tuple[Change, ...] = ()
    messages: frozenset[UUID] = frozenset()  # that go out tomorrow
    refused: str | None = None

    @property
    def earlier(self) -> bool:
        return any(one.was_due_on and one.due_on and one.due_on < one.was_due_on for one in self.changes)

    @property
    def later(self) -> bool:
        return any(one.was_due_on and one.due_on and one.due_on > one.was_due_on for one in self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moving:
    """Whom to put under which version, by which move and whose word."""

    key: Key
    to: Protocol
    by: str
    now: datetime


def figures(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """How many courses, and of them what; the messages of tomorrow are counted once each."""
    changes = [change for one in outcomes for change in one.changes]
    return {
        "courses": len(outcomes),
        "earlier": sum(one.earlier for one in outcomes),
        "later": sum(one.later for one in outcomes),
        "become_overdue": sum(any(c.becomes_overdue for c in one.changes) for one in outcomes),
        "duties_begun": sum(change.was_due_on is None for change in changes),
        "duties_ended": sum(change.due_on is None for change in changes),
        "messages_tomorrow": len({message for one in outcomes for message in one.messages}),
        "refused": sum(one.refused is not None for one in outcomes),
    }


def sentence(found: Mapping[str, int]) -> str:
    """`214 earlier, 3 become overdue, 61 messages tomorrow`."""
    words = {
        "earlier": "earlier", "later": "later", "become_overdue": "become overdue",
        "duties_begun": "duties begin", "duties_ended": "duties end",
        "messages_tomorrow": "messages tomorrow", "refused": "refused",
    }  # fmt: skip
    said = [f"{found[name]} {word}" for name, word in words.items() if found[name]]
    return f"{found['courses']} courses: {', '.join(said) or 'nothing changes'}"


def rehearse(
    engine: Engine, clinic_id: UUID, old: Protocol, new: Protocol, *, now: datetime, told: Told = nobody
) -> list[Outcome]:
    """What the move would do to each course, of which nothing is kept."""
    with reading(engine) as session:
        keys = moves.under(session, moves.going_on(session, clinic_id), old.hash)
    found: list[Outcome] = []
    for some in batches.batched(keys, BATCH):
        with writing(engine) as session:
            row = {"clinic_id": clinic_id, "from_hash": old.hash, "to_hash": new.hash}
            id_ = moves.add(session, row | {"proposed_by": "", "proposed_at": now})
            found += _move(session, Moving(key=(clinic_id, id_), to=new, by="", now=now), some)
            session.rollback()
        told(len(found), len(keys))
    return found


def carry_out(
    engine: Engine,
    clock: Clock,
    key: Key,
    *,
    told: Told = nobody,
    go_on: Callable[[], bool] = lambda: True,
) -> None:
    """Move who is still to be moved, batch by batch; broken off anywhere it goes on from there."""
    with reading(engine) as session:
        row = moves.one(session, key)
        assert row is not None
        to = protocols.built(session, {(key[0], row.to_hash)})[key[0], row.to_hash]
        keys = moves.under(session, moves.going_on(session, key[0]), row.from_hash)
    done = 0
    for some in batches.batched(keys, BATCH):
        if not go_on():
            return
        with writing(engine) as session:
            _carry_out(session, Moving(key=key, to=to, by=row.approved_by, now=clock()), some)
        done += len(some)
        told(done, len(keys))
    with writing(engine) as session:
        moves.change(session, key, finished_at=clock())


def tick(engine: Engine, clock: Clock, *, go_on: Callable[[], bool] = lambda: True) -> None:
    """Carry out what was approved and is not done yet."""
    with reading(engine) as session:
        rows = moves.unfinished(session)
    for row in rows:
        carry_out(engine, clock, (row.clinic_id, row.id), go_on=go_on)


def _carry_out(session: Session, moving: Moving, keys: Sequence[Key]) -> None:
    row = moves.one(session, moving.key, lock=True)
    assert row is not None
    still = moves.under(session, [key for key in keys if str(key[1]) not in row.refused], row.from_hash)
    found = _move(session, moving, still)
    for one in found:
        if one.refused is None:
            _record(session, moving, one)
    stuck = [one for one in found if one.refused is not None]
    work_items.raise_(session, [_work(moving, one) for one in stuck], now=moving.now)
    moves.change(session, moving.key, refused=[*row.refused, *(str(one.course_id) for one in stuck)])


def _record(session: Session, moving: Moving, one: Outcome) -> None:
    detail = {"course": str(one.course_id), "hash": moving.to.hash}
    subject = ("patient", str(one.patient_id))
    action = "move to another version"
    audit.record(session, moving.key[0], moving.by, action, subject=subject, now=moving.now, detail=detail)


def _work(moving: Moving, one: Outcome) -> dict[str, Any]:
    return {
        "clinic_id": moving.key[0],
        "patient_id": one.patient_id,
        "course_id": one.course_id,
        "kind": "move-refused",
        "level": LEVEL,
        "role": "coordinator",
        "key": f"move/{moving.key[1]}/{one.course_id}",
        "about": one.refused,
        "due_by": moving.now + ladder.DUE_BY[LEVEL],
    }


# ---- one batch


def _move(session: Session, moving: Moving, keys: Sequence[Key]) -> list[Outcome]:
    protocols.pin(session, moving.key[0], moving.to, now=moving.now)
    owners = moves.owners(session, keys)
    before = items.of_courses(session, keys)
    refused = _put(session, moving, owners, keys)
    after = items.of_courses(session, keys)
    messages = _tomorrow(session, moving, [row for some in after.values() for row in some])
    return [
        Outcome(
            course_id=id_,
            patient_id=owners[id_].patient_id,
            changes=tuple(_changes(before[id_], after[id_], _today(owners[id_], moving.now))),
            messages=frozenset(messages.get(id_, ())),
            refused=refused.get(id_),
        )
        for _, id_ in keys
    ]


def _today(owner: sa.Row, now: datetime) -> date:
    return days.local_day(now, days.zone(owner.time_zone))


def _put(
    session: Session, moving: Moving, owners: Mapping[UUID, sa.Row], keys: Sequence[Key]
) -> dict[UUID, str]:
    """Plan them under the new version; of those that cannot be, by course, the planner's reason."""
    if not keys or (reason := _try(session, moving, owners, keys)) is None:
        return {}
    if len(keys) == 1:
        return {keys[0][1]: reason}
    half = len(keys) // 2
    return _put(session, moving, owners, keys[:half]) | _put(session, moving, owners, keys[half:])


def _try(session: Session, moving: Moving, owners: Mapping[UUID, sa.Row], keys: Sequence[Key]) -> str | None:
    common = {"protocol_hash": moving.to.hash, "move_id": moving.key[1], "by": moving.by}
    common |= {"clinic_id": moving.key[0], "recorded_at": moving.now}
    rows = [common | {"course_id": id_, "on": _today(owners[id_], moving.now)} for _, id_ in keys]
    try:
        with session.begin_nested():
            courses.lock(session, keys)
            moves.record(session, rows)
            plans.apply(session, keys, now=moving.now)
    except EventRefused as refusal:
        return f"{refusal.event.type.value} of {refusal.event.on}: {refusal}."
    return None


def _changes(before: Sequence[Stored], after: Sequence[Stored], today: date) -> Iterator[Change]:
    was = {row.item.clock: row.item for row in before if row.item.class_ is None}
    now = {row.item.clock: row.item for row in after if row.item.class_ is None}
    for clock in sorted(was.keys() | now.keys()):
        old, new = was.get(clock), now.get(clock)
        late = new is not None and new.state(today) in LATE
        was_late = old is not None and old.state(today) in LATE
        found = Change(
            clock=clock,
            was_due_on=None if old is None else old.due_on,
            due_on=None if new is None else new.due_on,
            becomes_overdue=late and not was_late,
        )
        if found.was_due_on != found.due_on or found.becomes_overdue:
            yield found


def _tomorrow(session: Session, moving: Moving, rows: Sequence[Stored]) -> dict[UUID, list[UUID]]:
    """By course the messages that wait to go out on the clinic's next day."""
    zone = days.zone(clinics.zones(session)[moving.key[0]])
    day = days.local_day(moving.now, zone) + timedelta(days=1)
    open_ = {row.id: row for row in rows if row.item.class_ is None}
    found: dict[UUID, list[UUID]] = defaultdict(list)
    for item_id, said in reminders.of_items(session, [row.key for row in open_.values()]).items():
        for one in said:
            waits = one.decided_at is None and one.effect is Effect.MESSAGE and one.message_id is not None
            if waits and days.local_day(one.send_at, zone) == day:
                found[open_[item_id].course_id].append(one.message_id)
    return found
