"""What was planned beside what the provider took: nothing lost, nothing doubled, every doubt over in time."""

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches, invariants
from db.engine import make_engine, reading
from db.tables import Attempt, Item, Message, Patient, Reminder, WorkItem
from service.flows import doubts
from tests.faults.lives import NINE, World
from tests.faults.scenes import TESTED

PROMISED = doubts.PATIENCE  # the longest a doubt may last
TOLD = ("unknown-delivery", "undeliverable")


@dataclass(slots=True)
class Count:
    """What was counted in one scene, or in many."""

    planned: int = 0
    taken: int = 0
    told: int = 0  # to a person: nobody knows whether it arrived
    lost: int = 0  # neither taken nor told
    doubled: int = 0  # more than once, without being a blind provider's one marked repeat
    repeated: int = 0  # those repeats
    doubts: int = 0
    late: int = 0  # doubts that lasted longer than was promised
    longest: timedelta = timedelta()
    broken: int = 0  # invariants, and plans that were not kept

    def add(self, other: "Count") -> None:
        for each in fields(self):
            mine, its = getattr(self, each.name), getattr(other, each.name)
            setattr(self, each.name, max(mine, its) if each.name == "longest" else mine + its)

    @property
    def holds(self) -> bool:
        return (self.lost, self.doubled, self.late, self.broken) == (0, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The rows of a scene at its end."""

    messages: Mapping[UUID, sa.Row]
    attempts: Mapping[UUID, Sequence[sa.Row]]  # by message
    work: Mapping[UUID, sa.Row]  # by patient
    planned: Mapping[UUID, UUID]  # patient by message
    broken: int


def check(world: World, patients: int) -> Count:
    engine = make_engine(world.url)
    found = look(engine)
    engine.dispose()
    taken = Counter(UUID(json.loads(line)["key"]) for line in world.letters)
    counted = Count(planned=len(found.planned), broken=found.broken)
    counted.broken += len(found.planned) != patients
    counted.broken += len(taken.keys() - found.planned.keys())
    for message_id, patient_id in found.planned.items():
        told = found.work.get(patient_id)
        counted.taken += taken[message_id] > 0
        counted.told += told is not None
        counted.lost += taken[message_id] == 0 and told is None
        repeats = sum(row.repeats is not None for row in found.attempts[message_id])
        extra = max(0, taken[message_id] - 1)
        allowed = min(1, repeats, extra) if world.kind == "blind" else 0
        counted.repeated += allowed
        counted.doubled += extra - allowed
        for lasted in _doubts(found.attempts[message_id], found.messages[message_id], told):
            counted.doubts += 1
            counted.late += lasted is None or lasted > PROMISED
            counted.longest = max(counted.longest, lasted or timedelta())
    return counted


def look(engine: Engine) -> Found:
    with reading(engine) as session:

        def rows(model: Any, *order: str) -> Sequence[sa.Row]:
            table = batches.table(model)
            return session.execute(sa.select(table).order_by(*(table.c[name] for name in order))).all()

        attempts: dict[UUID, list[sa.Row]] = defaultdict(list)
        for row in rows(Attempt, "number"):
            attempts[row.message_id].append(row)
        tested = {row.id for row in rows(Patient) if row.name == TESTED}
        return Found(
            messages={row.id: row for row in rows(Message)},
            attempts=attempts,
            work={row.patient_id: row for row in rows(WorkItem) if row.kind in TOLD},
            planned={
                row.message_id: row.patient_id
                for row in rows(Reminder)
                if row.send_at == NINE and row.track == "patient" and row.patient_id not in tested
            },
            broken=len(invariants.broken(session)) + _not_planned(rows(Item), tested),
        )


def _not_planned(items: Sequence[sa.Row], tested: set[UUID]) -> int:
    """The item that was tested is closed, and the next one open."""
    states = [[row.class_ and row.class_.value for row in items if row.patient_id == id_] for id_ in tested]
    return sum(Counter(found) != Counter(["on-time", None]) for found in states)


def _doubts(tries: Sequence[sa.Row], message: sa.Row, told: sa.Row | None) -> list[timedelta | None]:
    """How long nobody knew of each try whether it arrived; None where that never ended."""
    if not tries:
        return []
    ends: list[datetime | None] = [later.started_at for later in tries[1:]]
    ends.append(message.accepted_at or (told.opened_at if told is not None else None))
    found: list[timedelta | None] = []
    for row, repeated_at in zip(tries, ends, strict=True):
        over = row.state in ("accepted", "rejected")
        end = row.ended_at if over else repeated_at
        if not over or end != row.started_at:
            found.append(None if end is None else end - row.started_at)
    return found
