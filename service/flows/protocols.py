"""The protocols of a clinic: the packaged ones, and its own, of each the newest version that it keeps."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import protocols
from schedules import library
from schedules.protocol import Protocol


class Standing(StrEnum):
    PROPOSED = "proposed"
    IN_FORCE = "in-force"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of a protocol as a clinic has it, and who stands for it."""

    protocol: Protocol
    state: Standing
    proposed_by: str | None = None
    proposed_at: datetime | None = None
    approved_by: str | None = None
    approved_at: datetime | None = None

    @property
    def own(self) -> bool:
        return is_own(self.protocol)


def is_own(protocol: Protocol) -> bool:
    """Whether it is a clinic's own: its id is none of the packaged ones."""
    return protocol.id not in library.names() | {library.check_ins().id}


def known(session: Session, clinic_id: UUID) -> Mapping[str, Protocol]:
    """By id. A packaged one counts as it is packaged, whichever version courses pinned before.

    Where its file cannot be read the last good version that the clinic keeps stays in force.
    """
    pinned = protocols.of_clinic(session, clinic_id)
    own = protocols.built(session, {(clinic_id, hash_) for hash_ in pinned.values()})
    return {protocol.id: protocol for protocol in own.values()} | dict(library.protocols())


def versions(session: Session, clinic_id: UUID) -> list[Version]:
    """Every version, by id, the oldest first: in force, replaced, and what waits for a second person."""
    in_force = known(session, clinic_id)
    proposals = protocols.proposals(session, clinic_id)
    kept = protocols.kept(session, clinic_id)
    built = protocols.built(session, {(clinic_id, row.hash) for row in kept})
    found = {row.hash: built[clinic_id, row.hash] for row in kept}
    found |= {protocol.hash: protocol for protocol in in_force.values()}
    waiting = [row for row in proposals.values() if row.approved_at is None]
    every = [_kept(protocol, in_force, proposals.get(hash_)) for hash_, protocol in found.items()]
    every += [_version(protocols.proposed(row), Standing.PROPOSED, row) for row in waiting]
    return sorted(every, key=lambda one: (one.protocol.id, one.protocol.version))


def _kept(protocol: Protocol, in_force: Mapping[str, Protocol], row: sa.Row | None) -> Version:
    current = in_force[protocol.id].hash == protocol.hash
    return _version(protocol, Standing.IN_FORCE if current else Standing.REPLACED, row)


def _version(protocol: Protocol, state: Standing, row: sa.Row | None) -> Version:
    names = ("proposed_by", "proposed_at", "approved_by", "approved_at")
    said = {} if row is None else {name: getattr(row, name) for name in names}
    return Version(protocol=protocol, state=state, **said)


def chosen(session: Session, clinic_id: UUID, protocol_id: str, version: int | None) -> Version | None:
    """The version of that number; without one that in force, else the newest proposed."""
    mine = [one for one in versions(session, clinic_id) if one.protocol.id == protocol_id]
    if version is not None:
        return next((one for one in reversed(mine) if one.protocol.version == version), None)
    ranked = sorted(mine, key=lambda one: one.state is Standing.IN_FORCE)
    return ranked[-1] if ranked else None
