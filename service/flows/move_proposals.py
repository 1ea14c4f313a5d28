"""A move to another version is proposed with what it would do, and approved by somebody else."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import audit, moves, protocols
from db.batches import Key
from db.engine import reading
from schedules.protocol import Protocol
from service.errors import Problem
from service.flows import protocols as standings
from service.flows.courses import NOTHING_HERE
from service.flows.moves import Outcome, Told, figures, nobody, rehearse
from service.flows.proposals import second_person
from service.flows.protocols import Standing
from service.flows.work_items import Person

SHORTEST = 8  # characters of a hash that name a version


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """From which version to which, and what that would do to each course."""

    old: Protocol
    new: Protocol
    outcomes: Sequence[Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A stored move, and how far it has come."""

    row: sa.Row
    old: Protocol
    new: Protocol
    moved: int
    remaining: int


def version(session: Session, clinic_id: UUID, name: str) -> Protocol:
    """`ID`: the one in force; `ID@2`, or `ID@` and the first letters of its hash. Problem for any other."""
    id_, _, which = name.partition("@")
    mine = [one for one in standings.versions(session, clinic_id) if one.protocol.id == id_]
    ready = [one for one in mine if one.state is not Standing.PROPOSED]
    found = [one.protocol for one in ready if _named(one, which)]
    if not found:
        raise Problem(404, NOTHING_HERE)
    return found[-1]


def _named(one: standings.Version, which: str) -> bool:
    if not which:
        return one.state is Standing.IN_FORCE
    by_hash = len(which) >= SHORTEST and one.protocol.hash.startswith(which)
    return by_hash or which == str(one.protocol.version)


def rehearsed(
    engine: Engine, clinic_id: UUID, old: str, new: str, *, now: datetime, told: Told = nobody
) -> Rehearsed:
    """Problem when there is no such version, or they are not of one medicine."""
    with reading(engine) as session:
        from_, to = (version(session, clinic_id, name) for name in (old, new))
    if from_.hash == to.hash:
        raise Problem(409, "Both are the same version: name two.")
    if from_.medicine.name != to.medicine.name:
        raise Problem(409, "The versions are of two medicines: start a new course instead.")
    found = rehearse(engine, clinic_id, from_, to, now=now, told=told)
    return Rehearsed(old=from_, new=to, outcomes=found)


def propose(session: Session, clinic_id: UUID, found: Rehearsed, *, by: str, now: datetime) -> UUID:
    row = {"clinic_id": clinic_id, "from_hash": found.old.hash, "to_hash": found.new.hash}
    said = figures(found.outcomes)
    for protocol in (found.old, found.new):
        protocols.pin(session, clinic_id, protocol, now=now)
    id_ = moves.add(session, row | {"figures": said, "proposed_by": by, "proposed_at": now})
    _record(session, (clinic_id, id_), by, "propose move", now)
    return id_


def approve(session: Session, key: Key, *, by: Person, now: datetime) -> None:
    """From now on it is carried out, by whoever comes first: the worker, or a command."""
    row = moves.one(session, key, lock=True)
    if row is None:
        raise Problem(404, NOTHING_HERE)
    if row.approved_at is not None:
        raise Problem(409, "The move waits for no approval.")
    second_person(by, row.proposed_by)
    moves.change(session, key, approved_by=by.name, approved_at=now)
    _record(session, key, by.name, "approve move", now)


def progress(session: Session, key: Key) -> Progress:
    row = moves.one(session, key)
    if row is None:
        raise Problem(404, NOTHING_HERE)
    by_hash = {one.protocol.hash: one.protocol for one in standings.versions(session, key[0])}
    still = moves.under(session, moves.going_on(session, key[0]), row.from_hash)
    return Progress(
        row=row,
        old=by_hash[row.from_hash],
        new=by_hash[row.to_hash],
        moved=moves.moved(session, key),
        remaining=sum(str(id_) not in row.refused for _, id_ in still),
    )


def _record(session: Session, key: Key, by: str, action: str, now: datetime) -> None:
    audit.record(session, key[0], by, action, subject=("protocol_move", str(key[1])), now=now)
