"""Protocol versions: what courses pin."""

import json
from datetime import datetime
from functools import lru_cache
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import ProtocolVersion
from schedules import protocol as protocols
from schedules.protocol import Protocol


def pin(session: Session, clinic_id: UUID, protocol: Protocol, *, now: datetime) -> str:
    """Keep a protocol for the clinic's courses; its hash, by which a course names it."""
    row = {
        "clinic_id": clinic_id,
        "hash": protocol.hash,
        "protocol_id": protocol.id,
        "version": protocol.version,
        "document": protocols.as_json(protocol),
        "created_at": now,
    }
    batches.insert_new(session, ProtocolVersion, [row])
    return protocol.hash


def of_clinic(session: Session, clinic_id: UUID) -> dict[str, str]:
    """By id the hash of the newest version that the clinic keeps."""
    versions = batches.table(ProtocolVersion)
    query = sa.select(versions.c.protocol_id, versions.c.hash).where(versions.c.clinic_id == clinic_id)
    ordered = query.order_by(versions.c.version, versions.c.created_at)
    return {row.protocol_id: row.hash for row in session.execute(ordered)}


def built(session: Session, pins: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], Protocol]:
    """The protocols of (clinic, hash) pairs. A hash is its content, so each is built once per process."""
    versions = batches.table(ProtocolVersion)
    found: dict[tuple[UUID, str], Protocol] = {}
    for batch in batches.batched(pins):
        pinned = sa.tuple_(versions.c.clinic_id, versions.c.hash).in_(batch)
        document = sa.type_coerce(versions.c.document, sa.Text)
        for row in session.execute(sa.select(versions.c.clinic_id, versions.c.hash, document).where(pinned)):
            found[row[0], row[1]] = _build(row[2])
    return found


@lru_cache(maxsize=256)
def _build(document: str) -> Protocol:
    return protocols.build(json.loads(document))
