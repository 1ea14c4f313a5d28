"""The protocols of a clinic: the packaged ones, and of its own the newest version that a course pins."""

from collections.abc import Mapping
from uuid import UUID

from sqlmodel import Session

from db import protocols
from schedules import library
from schedules.protocol import Protocol


def known(session: Session, clinic_id: UUID) -> Mapping[str, Protocol]:
    """By id. A packaged one counts as it is packaged, whichever version courses pinned before."""
    pinned = protocols.of_clinic(session, clinic_id)
    own = protocols.built(session, {(clinic_id, hash_) for hash_ in pinned.values()})
    return {protocol.id: protocol for protocol in own.values()} | dict(library.protocols())
