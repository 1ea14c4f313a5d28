"""Notices: alarms and digests for staff, and the house's own canaries.

They take the way of every message: claim, attempt, call, outcome; leases, tries and doubts are the same code.
What they say is decided in the claim: work that is still open, today's digest, the newest canary.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from db import attempts, deployments, messages, work_items
from db.engine import writing
from db.messages import Claimed, Outcome, Queue
from db.tables import Channel, Kind, MessageState, StaffAddress
from db.types import new_id
from schedules import days, ladder
from service import clock as clocks
from service.channels import BLIND, INSIDE, Capabilities, Channels
from service.clock import Clock
from service.flows import alarms, digests, doubts, news, outcomes, sending, settling
from service.flows.doubts import Tried, Turn
from service.flows.news import Seen
from service.flows.outcomes import Call, Sent
from service.flows.sending import Hand
from service.messages import Sender, Text
from service.messages import notices as wording

log = structlog.get_logger()

BATCH = 100


@dataclass(frozen=True, slots=True)
class Manner:
    """What the settings say of notices: where the pages are, and where canaries fly to."""

    public_url: str | None = None
    canary: tuple[Channel, str] | None = None  # inside the house without one

    def link(self, page: str, clinic_id: UUID) -> str | None:
        return None if self.public_url is None else f"{self.public_url}{page}?clinic={clinic_id}"


PLAIN = Manner()


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice(Call):
    """A claimed notice with what it says."""

    text: Text
    to: StaffAddress | None
    climbs: bool  # up the rota, which plans what comes after it

    def say(self) -> Text:
        return self.text


def try_to_send(engine: Engine, clock: Clock, hand: Hand, manner: Manner) -> int:
    """Send a batch of notices beside reminders, which a failure of these never stops.

    It is noticed all the same: no canary goes all the way.
    """
    try:
        return send_due(engine, clock, hand, manner)
    except Exception as error:
        log.error("notices not sent", error=type(error).__name__)
        return 0


def send_due(
    engine: Engine, clock: Clock, hand: Hand, manner: Manner, *, queue: Queue = Queue.NOTICES
) -> int:
    """Send one batch of the notices that are due; how many were looked at."""
    until = clocks.seconds() + sending.TIME
    with writing(engine) as session:
        count, found = _claim(session, clock(), hand.channels, manner, queue)
    sent = sending.send_all(found, hand, until=until)
    settling.settle(engine, sent, clock, until=until + sending.TIME, write=settle)
    return count


# ---- claim: one transaction


def _claim(
    session: Session, now: datetime, channels: Channels, manner: Manner, queue: Queue
) -> tuple[int, list[Notice]]:
    if deployments.is_held(session):
        return 0, []
    claimed = messages.claim(session, now=now, limit=BATCH, lease=sending.LEASE, queue=queue)
    if not claimed:
        return 0, []
    attempts.abandon(session, [message.key for message in claimed if message.attempts > 1], now=now)
    tried = doubts.look(session, claimed)
    if len(claimed) == BATCH:
        alarms.fold(session, claimed, now=now)
    seen = news.look(session, claimed, now, carried=channels)
    found = []
    for message in claimed:
        turn = doubts.turn(tried[message.id], channels, now=now)
        ends = news.left_unsaid(seen, message, tried[message.id], turn)
        if ends is None:
            found += _one(session, seen, message, tried[message.id], turn, channels, manner)
        else:
            messages.settle(session, [ends])
    attempts.start(session, [_attempt(notice, now) for notice in found if notice.turn is Turn.SEND])
    return len(claimed), found


def _one(session: Session, seen: Seen, message: Claimed, *facts: Any) -> list[Notice]:
    """One bad notice is one bad notice: it fails alone, if not because of the database."""
    try:
        return [_notice(session, seen, message, *facts)]
    except SQLAlchemyError:
        raise
    except Exception as error:
        log.error("notice not made", message=str(message.id), error=type(error).__name__)
        messages.settle(session, [Outcome(claimed=message, state=MessageState.FAILED)])
        return []


def _notice(
    session: Session,
    seen: Seen,
    message: Claimed,
    tried: Tried,
    turn: Turn,
    channels: Channels,
    manner: Manner,
) -> Notice:
    to, doubt = seen.to(message), tried.doubt
    channel, address = _way(message, to, channels, manner)
    channel = channel if doubt is None else doubt.channel
    asked = doubt if turn is not Turn.SEND else None
    return Notice(
        claimed=message._replace(channel=channel),
        turn=turn,
        attempt_id=new_id() if asked is None else asked.id,
        begun_at=seen.now if asked is None else asked.started_at,
        tries=tried.counts[channel, None] + (asked is None),
        doubts=tuple(row.id for row in tried.doubts),
        why="" if doubt is None else doubt.code,
        address=address,
        can=_can(channels, channel),
        useful_until=_useful_until(seen, message),
        sender=_sender(seen, message),
        text=_text(session, seen, message, manner),
        to=to,
        climbs=seen.climbs(message),
    )


def _can(channels: Channels, channel: Channel) -> Capabilities:
    """Nobody waits for the receipt of a notice: the next alarm comes before it would."""
    if channel in INSIDE or channel not in channels:
        return BLIND
    return replace(channels[channel].capabilities, receipts=False)


def _way(
    message: Claimed, to: StaffAddress | None, channels: Channels, manner: Manner
) -> tuple[Channel, str]:
    if message.kind is Kind.CANARY and manner.canary is not None and manner.canary[0] in channels:
        return manner.canary
    return (Channel.OUTBOX, "") if to is None else (to.channel, to.address)


def _useful_until(seen: Seen, message: Claimed) -> datetime | None:
    """A digest is its day's; a canary is tried once, for another follows; an alarm never comes too late."""
    if message.kind is Kind.ALARM:
        return None
    if message.kind is Kind.CANARY:
        return seen.now
    zone = days.zone(seen.clinics[message.clinic_id].time_zone)
    return days.instant(days.shift(days.local_day(seen.now, zone), 1), time(0), zone)


def _sender(seen: Seen, message: Claimed) -> Sender:
    clinic = seen.clinics.get(message.clinic_id)
    return Sender("nextcount", "", "") if clinic is None else Sender(clinic.name, clinic.phone, "")


def _text(session: Session, seen: Seen, message: Claimed, manner: Manner) -> Text:
    if message.kind is Kind.CANARY:
        return wording.canary(seen.now)
    clinic = seen.clinics[message.clinic_id]
    zone = days.zone(clinic.time_zone)
    if message.kind is Kind.DIGEST:
        figures = digests.count(session, clinic, now=seen.now)
        link = manner.link("/overdue", clinic.id)
        return wording.digest(clinic.name, figures, now=seen.now, zone=zone, link=link)
    red = [
        wording.Red(level=row.level, kind=row.kind, count=row.many, since=row.first)
        for row in seen.red[clinic.id]
    ]
    link = manner.link("/work", clinic.id)
    return wording.alarm(clinic.name, red, zone=zone, link=link, climbs=seen.climbs(message))


def _attempt(notice: Notice, now: datetime) -> dict[str, Any]:
    message = notice.claimed
    return {
        "clinic_id": message.clinic_id,
        "id": notice.attempt_id,
        "message_id": message.id,
        "number": message.attempts,
        "channel": message.channel,
        "repeats": notice.repeats,
        "started_at": now,
    }


# ---- outcome: one transaction a slice


def settle(session: Session, slice_: Sequence[Sent[Notice]], now: datetime) -> None:
    """Write the outcomes; plan each alarm's repetition; tell a person of an address that takes no mail."""
    over = [(sent, end) for sent, end in outcomes.record(session, slice_, now) if end.again_at is None]
    mailed = [(sent, end.state) for sent, end in over if sent.dispatch.to is not None]
    good = [_about(sent) for sent, state in mailed if state is MessageState.ACCEPTED]
    work_items.finish(session, good, outcome="a mail to it was taken", now=now)
    bad = [sent for sent, state in mailed if state is not MessageState.ACCEPTED]
    work_items.raise_(session, [_work_item(sent, now) for sent in bad], now=now)
    rung = [(sent.dispatch.claimed.key, to.id) for sent, _ in mailed if (to := _alarmed(sent)) is not None]
    alarms.repeat(session, rung, now=now)


def _alarmed(sent: Sent[Notice]) -> StaffAddress | None:
    alarmed = sent.dispatch.claimed.kind is Kind.ALARM and not sent.dispatch.climbs
    return sent.dispatch.to if alarmed else None


def _about(sent: Sent[Notice]) -> tuple[UUID, str]:
    assert sent.dispatch.to is not None
    return sent.dispatch.claimed.clinic_id, f"staff-mail/{sent.dispatch.to.id}"


def _work_item(sent: Sent[Notice], now: datetime) -> dict[str, Any]:
    clinic_id, key = _about(sent)
    return {
        "clinic_id": clinic_id,
        "kind": "staff-mail-undeliverable",
        "level": "24h",
        "role": "admin",
        "key": key,
        "due_by": now + ladder.DUE_BY["24h"],
    }
