"""Protocol versions: what courses pin."""

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key
from db.tables import ProtocolProposal, ProtocolVersion
from schedules import protocol as protocols
from schedules.protocol import Protocol


def pin(session: Session, clinic_id: UUID, protocol: Protocol, *, now: datetime) -> str:
    """Keep a protocol for the clinic's courses; its hash, by which a course names it."""
    row = _row(clinic_id, protocol)
    batches.insert_new(session, ProtocolVersion, [row | {"created_at": now}])
    return protocol.hash


def _row(clinic_id: UUID, protocol: Protocol) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "hash": protocol.hash,
        "protocol_id": protocol.id,
        "version": protocol.version,
        "document": protocols.as_json(protocol),
    }


def kept(session: Session, clinic_id: UUID) -> Sequence[sa.Row]:
    """Every version that the clinic keeps, the older ones of an id first: its hash, version, since when."""
    versions = batches.table(ProtocolVersion)
    names = ("clinic_id", "hash", "protocol_id", "version", "created_at")
    query = sa.select(*(versions.c[name] for name in names)).where(versions.c.clinic_id == clinic_id)
    ordered = query.order_by(versions.c.version, versions.c.created_at, versions.c.hash)
    return session.execute(ordered).all()


def of_clinic(session: Session, clinic_id: UUID) -> dict[str, str]:
    """By id the hash of the newest version that the clinic keeps."""
    return {row.protocol_id: row.hash for row in kept(session, clinic_id)}


def built(session: Session, pins: set[tuple[UUID, str]]) -> dict[tuple[UUID, str], Protocol]:
    """The protocols of (clinic, hash) pairs. A hash is its content, so each is built once per process."""
    rows = batches.fetch(session, _documents(), batches.table(ProtocolVersion), pins, column="hash")
    return {(clinic_id, hash_): _build(document) for clinic_id, hash_, document in rows}


@cache
def _documents() -> sa.Select:
    versions = batches.table(ProtocolVersion)
    return sa.select(versions.c.clinic_id, versions.c.hash, sa.type_coerce(versions.c.document, sa.Text))


@lru_cache(maxsize=256)
def _build(document: str) -> Protocol:
    return protocols.build(json.loads(document))


# ---- proposals


def propose(session: Session, clinic_id: UUID, protocol: Protocol, *, by: str, now: datetime) -> None:
    row = _row(clinic_id, protocol) | {"proposed_by": by, "proposed_at": now}
    batches.insert(session, ProtocolProposal, [row])


def proposals(session: Session, clinic_id: UUID) -> dict[str, sa.Row]:
    """What was ever proposed in the clinic, by hash: the document as text, who proposed it, who approved."""
    rows = batches.table(ProtocolProposal)
    document = sa.type_coerce(rows.c.document, sa.Text).label("text")
    query = sa.select(*(column for column in rows.c if column.name != "document"), document)
    mine = query.where(rows.c.clinic_id == clinic_id).order_by(rows.c.version, rows.c.id)
    return {row.hash: row for row in session.execute(mine)}


def proposed(row: sa.Row) -> Protocol:
    """The protocol of a row of `proposals`."""
    return _build(row.text)


def approve(session: Session, key: Key, *, by: str, now: datetime) -> None:
    """The clinic is locked: nobody else approves at once."""
    values = {"clinic_id": key[0], "id": key[1], "approved_by": by, "approved_at": now}
    batches.change(session, ProtocolProposal, [values])
