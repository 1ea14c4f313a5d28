"""What is red and nobody has taken goes up the rota, at every hour, and is never let be.

The loop asks for all of it at every tick, and plans and sends by itself: whatever else stands still, this
goes on. What was told to whom is the key of the notice, so a tick that is run again says nothing twice.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import clinics, deployments, staff, work_items
from db import notices as stored
from db.engine import reading, writing
from db.messages import Queue
from db.tables import Channel, Kind, WorkState
from schedules import days
from schedules import rota as hours
from schedules.rota import RUNGS, Rung
from service.channels import Channels
from service.clock import Clock
from service.flows import notices, rota
from service.flows.gates import Gate
from service.flows.notices import Manner
from service.flows.rota import Standing
from service.flows.sending import Hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Climbing:
    """A red work item that nobody holds, since when, and when it reaches each rung."""

    row: sa.Row
    since: datetime
    reached: Mapping[Rung, datetime]

    def is_loud(self, now: datetime) -> bool:
        """Whether it is at the last rung: everybody is told, and every page says so."""
        return self.reached[RUNGS[-1]] <= now


def tick(
    engine: Engine,
    clock: Clock,
    channels: Channels,
    *,
    manner: Manner = notices.PLAIN,
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Tell whoever the red work has reached; how many notices were planned and sent."""
    planned = plan(engine, channels, now=clock())
    hand = Hand(channels=channels, gate=Gate(engine, clock))
    go_on()
    return planned + notices.send_due(engine, clock, hand, manner, queue=Queue.ALARMS)


def plan(engine: Engine, channels: Collection[Channel], *, now: datetime) -> int:
    """Plan the notices that are not planned yet; how many."""
    with reading(engine) as session:
        if deployments.is_held(session):
            return 0
        on_call = _on_call(session, now)
        climbing = found(session, on_call, channels, now=now)
        desks = _desks(session, {one.row.clinic_id for one in climbing})
        rows = {
            (row["clinic_id"], row["key"]): row
            for one in climbing
            for row in _notices(one, on_call[one.row.clinic_id], desks[one.row.clinic_id], now)
        }
        known = stored.known(session, list(rows))
    new = [row for key, row in rows.items() if key not in known]
    if new:
        with writing(engine) as session:
            stored.plan(session, new, now=now)
    return len(new)


def loud(engine: Engine, *, now: datetime, clinic_id: UUID | None = None) -> list[Climbing]:
    """What is at the last rung, the oldest first."""
    with reading(engine) as session:
        climbing = found(session, _on_call(session, now, clinic_id), now=now, clinic_id=clinic_id)
    return sorted((one for one in climbing if one.is_loud(now)), key=lambda one: one.since)


def found(
    session: Session,
    on_call: Mapping[UUID, Sequence[Standing]],
    channels: Collection[Channel] = (),
    *,
    now: datetime,
    clinic_id: UUID | None = None,
) -> list[Climbing]:
    """All red work that nobody holds. A rung without somebody whom these channels reach is passed at once."""

    def carried(one: Standing) -> bool:
        return one.reachable and (not channels or one.row.channel in channels)

    manned = {id_: {one.row.rung for one in those if carried(one)} for id_, those in on_call.items()}
    return [
        Climbing(
            row=row,
            since=(since := _since(row)),
            reached=dict(hours.climb(manned.get(row.clinic_id, ()), since)),
        )
        for row in work_items.red(session, clinic_id, now=now)
    ]


def _since(row: sa.Row) -> datetime:
    return row.opened_at if row.state is WorkState.OPEN else row.touched_at + hours.CLAIMED


def _on_call(
    session: Session, now: datetime, clinic_id: UUID | None = None
) -> Mapping[UUID, Sequence[Standing]]:
    """By clinic whose shift it is: also at an address that took no mail, for it is tried again."""
    zones = {clinic.id: days.zone(clinic.time_zone) for clinic in clinics.every(session)}
    standing: dict[UUID, list[Standing]] = defaultdict(list)
    for one in rota.standing(session, clinic_id):
        if one.row.usable and hours.is_on(one.shift, zones[one.row.clinic_id], now):
            standing[one.row.clinic_id].append(one)
    return standing


def _desks(session: Session, clinic_ids: Collection[UUID]) -> Mapping[UUID, set[UUID]]:
    """The addresses that are mailed every alarm: they hear of the last rung too."""
    desks: dict[UUID, set[UUID]] = defaultdict(set)
    for row in staff.of_clinics(session, clinic_ids):
        desks[row.clinic_id] |= {row.id} if row.alarms else set()
    return desks


def _notices(
    one: Climbing, on_call: Sequence[Standing], desks: Collection[UUID], now: datetime
) -> Iterator[dict[str, Any]]:
    """What should have been said by now: to each rung that was reached, or again to everybody."""
    if one.is_loud(now):
        at = hours.loud(one.reached[RUNGS[-1]], now)
        for address in sorted({*desks, *(each.row.staff_address_id for each in on_call)}):
            yield _notice(one.row.clinic_id, RUNGS[-1], at, address, now)
        return
    for each in on_call:
        if (at := one.reached[each.row.rung]) <= now:
            yield _notice(one.row.clinic_id, each.row.rung, at, each.row.staff_address_id, now)


def _notice(clinic_id: UUID, rung: Rung, at: datetime, address: UUID, now: datetime) -> dict[str, Any]:
    """What reaches a rung in one minute is told there at once."""
    return {
        "clinic_id": clinic_id,
        "kind": Kind.ALARM,
        "key": f"{stored.RUNG}{rung}/{at:%Y%m%dT%H%M}/{address}",
        "staff_address_id": address,
        "send_at": now,
    }
