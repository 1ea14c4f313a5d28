"""Nothing goes by a transport until a named person has seen what would go out and releases it.

A release is of one place: a transport that leads to another host needs another.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import audit, clinics, contacts, lanes, messages
from db.engine import reading, writing
from db.tables import Channel
from service.channels import INSIDE, Channels
from service.errors import Refused

AHEAD = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """What would go out by one channel within a day."""

    channel: Channel
    place: str
    messages: int
    patients: int


def places(channels: Channels) -> dict[Channel, str]:
    """Where the transports lead."""
    named = {name: channels[name].capabilities.place for name in set(channels) - INSIDE}
    return {name: place for name, place in named.items() if place is not None}


def meet(engine: Engine, channels: Channels) -> None:
    """Know these transports from now on; one that is new, or leads elsewhere, waits for a release."""
    wanted = places(channels)
    with reading(engine) as session:
        known = {lane.channel: lane.place for lane in lanes.every(session) if lane.place is not None}
    if known != wanted:
        with writing(engine) as session:
            lanes.meet(session, wanted)


def waiting(session: Session, channels: Channels) -> dict[Channel, str]:
    """The places that nobody has released."""
    released = {(lane.channel, lane.place) for lane in lanes.every(session) if lane.released_at is not None}
    return {name: place for name, place in places(channels).items() if (name, place) not in released}


def preview(session: Session, channels: Channels, *, now: datetime) -> list[Coming]:
    """What waits for the next day and would go by each channel; each message by its first contact."""
    rows = messages.coming(session, until=now + AHEAD)
    reachable = contacts.reachable(session, list({(row.clinic_id, row.patient_id) for row in rows}))
    count, who = Counter[Channel](), set[tuple[Channel, object]]()
    for row in rows:
        there = (c for c in reachable.get((row.patient_id, row.audience), ()) if c.channel in channels)
        if (contact := next(there, None)) is not None:
            count[contact.channel] += 1
            who.add((contact.channel, row.patient_id))
    patients = Counter(name for name, _ in who)
    return [
        Coming(channel=name, place=place, messages=count[name], patients=patients[name])
        for name, place in sorted(places(channels).items())
    ]


def release(engine: Engine, channels: Channels, *, by: str, now: datetime) -> Mapping[Channel, str]:
    """Let the transports that wait send from now on; which. Refused when none does."""
    meet(engine, channels)
    with writing(engine) as session:
        free = waiting(session, channels)
        if not free:
            raise Refused("no transport waits for a release")
        for lane in lanes.lock(session, set(free)).values():
            lane.released_at, lane.released_by = now, by
        for clinic in clinics.every(session):
            audit.record(
                session, clinic.id, by, "transports release", subject=("clinic", str(clinic.id)), now=now,
                detail={name.value: place for name, place in free.items()},
            )  # fmt: skip
    return free
