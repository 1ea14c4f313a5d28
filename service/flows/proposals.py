"""A clinic's own protocol: proposed by one person, approved by another, and never edited in place."""

import json
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

from sqlmodel import Session

from db import audit, clinics, protocols
from schedules import library
from schedules import protocol as schema
from schedules.protocol import Protocol, ProtocolError
from service.errors import Fault, Problem
from service.flows import protocols as standings
from service.flows.courses import NOTHING_HERE
from service.flows.protocols import Standing, Version
from service.flows.work_items import Person

SECOND = "A second person approves: who proposed it cannot."
UNNAMED = "Who stands for a protocol is named: ask with a key of your own."


def checked(document: dict[str, Any]) -> Protocol:
    """Problem, with the key and the reason, when the document is no protocol."""
    if len(json.dumps(document)) > schema.LARGEST_FILE:
        _refuse("", "a protocol is at most 256 KiB")
    try:
        return schema.build(document)
    except ProtocolError as error:
        _refuse(error.key, error.reason)


def _refuse(key: str, reason: str) -> NoReturn:
    place = ".".join(part for part in ("body.document", key) if part)
    raise Problem(422, "This is not a protocol.", errors=[Fault(place, reason)])


def propose(session: Session, clinic_id: UUID, protocol: Protocol, *, by: str, now: datetime) -> Version:
    """Problem when the number is taken, or the id is a packaged one's."""
    if protocol.id in library.names():
        raise Problem(409, "This id is a packaged protocol's: give the clinic's own another.")
    clinics.lock(session, clinic_id)
    newest = max((one.protocol.version for one in _of(session, clinic_id, protocol.id)), default=0)
    if protocol.version <= newest:
        raise Problem(409, f"Version {newest} is there already: a change is version {newest + 1}.")
    protocols.propose(session, clinic_id, protocol, by=by, now=now)
    _record(session, clinic_id, protocol, by, "propose protocol", now)
    return _one(session, clinic_id, protocol)


def _of(session: Session, clinic_id: UUID, protocol_id: str) -> list[Version]:
    return [one for one in standings.versions(session, clinic_id) if one.protocol.id == protocol_id]


def approve(
    session: Session,
    clinic_id: UUID,
    protocol_id: str,
    version: int,
    *,
    hash_: str,
    by: Person,
    now: datetime,
) -> Version:
    """Put a proposed version in force, in exactly the text that was read: `hash_` says which."""
    if protocol_id in library.names():
        raise Problem(409, "A packaged protocol waits for no approval.")
    clinics.lock(session, clinic_id)
    mine = _of(session, clinic_id, protocol_id)
    found = next((one for one in reversed(mine) if one.protocol.version == version), None)
    if found is None:
        raise Problem(404, NOTHING_HERE)
    _check(found, mine, hash_)
    second_person(by, found.proposed_by)
    row = protocols.proposals(session, clinic_id)[hash_]
    protocols.approve(session, (clinic_id, row.id), by=by.name, now=now)
    protocols.pin(session, clinic_id, found.protocol, now=now)
    _record(session, clinic_id, found.protocol, by.name, "approve protocol", now)
    return _one(session, clinic_id, found.protocol)


def second_person(by: Person, first: str | None) -> None:
    """Problem unless somebody else than the first stands for it, by name."""
    if not by.is_named:
        raise Problem(409, UNNAMED)
    if first is not None and by.name.casefold() == first.casefold():
        raise Problem(409, SECOND)


def _check(found: Version, mine: list[Version], hash_: str) -> None:
    if found.state is not Standing.PROPOSED:
        raise Problem(409, "This version waits for no approval.")
    if found.protocol.hash != hash_:
        raise Problem(409, "The hash is another text's: read the version again, and approve what you read.")
    later = [one for one in mine if one.state is not Standing.PROPOSED]
    if any(one.protocol.version > found.protocol.version for one in later):
        raise Problem(409, "A later version is in force already: propose the change as a new version.")


def _one(session: Session, clinic_id: UUID, protocol: Protocol) -> Version:
    mine = _of(session, clinic_id, protocol.id)
    return next(one for one in mine if one.protocol.hash == protocol.hash)


def _record(
    session: Session, clinic_id: UUID, protocol: Protocol, by: str, action: str, now: datetime
) -> None:
    detail = {"version": protocol.version, "hash": protocol.hash}
    subject = ("protocol", protocol.id)
    audit.record(session, clinic_id, by, action, subject=subject, now=now, detail=detail)
