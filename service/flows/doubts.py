"""What was tried for a message before, and what to do where nobody knows whether it arrived.

A provider that can be asked is asked. One that honours our key gets the letter again. A blind one gets it
once more after a quarter of an hour, for a reminder is harmless twice; then a person decides. In doubt no
other channel is tried.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import attempts
from db.messages import Claimed
from db.tables import AttemptState, Channel
from service.channels import INSIDE, Capabilities, Channels

MOST_TRIES = 8
MOST_LIVES = 3  # of workers that one message may end; then a person has it
PATIENCE = timedelta(minutes=15)  # for a doubt, until it is repeated or a person's
KEPT = timedelta(hours=12)  # a key that is honoured is sent again no later: providers forget theirs in a day
NO_TIME = "no-time-left"  # of the lease: it was not tried
HANDED_BACK = "handed-back"  # the process was told to stop: it was not tried
SHUT = "channel-shut"  # between the claim and the call
NOT_TRIED = frozenset({NO_TIME, HANDED_BACK, SHUT})


class Turn(StrEnum):
    SEND = "send"
    ASK = "ask"
    LATER = "later"
    GIVE_UP = "give up"
    PASS_ON = "pass on"  # to the next channel or a person, for this one takes nothing
    TAKE_OUT = "take out"


@dataclass(slots=True)
class Tried:
    """The tries of one message: how many by channel and contact, and those of which nobody knows the outcome.

    What stays in the house is kept by the outcome's own transaction: there is no doubt about it.
    """

    counts: Counter[tuple[Channel, UUID | None]] = field(default_factory=Counter)
    doubts: list[sa.Row] = field(default_factory=list)
    lost: int = 0  # tries whose worker never came back; not of the work list, which nobody can die of

    @property
    def doubt(self) -> sa.Row | None:
        return self.doubts[-1] if self.doubts else None

    @property
    def channels(self) -> set[Channel]:
        return {channel for channel, _ in self.counts}


def look(session: Session, claimed: Sequence[Claimed]) -> dict[UUID, Tried]:
    """By message, of those that were claimed before."""
    found: dict[UUID, Tried] = defaultdict(Tried)
    again = [message.key for message in claimed if message.attempts > 1]
    for message_id, rows in attempts.of_messages(session, again).items():
        counted = [row for row in rows if not _is_untried(row)]
        found[message_id].counts.update((row.channel, row.contact_id) for row in counted)
        found[message_id].lost = sum(_is_lost(row) for row in counted)
        found[message_id].doubts = [row for row in counted if _is_doubtful(row)]
    return found


def _is_untried(row: sa.Row) -> bool:
    return row.code in NOT_TRIED and row.state is AttemptState.REJECTED


def _is_doubtful(row: sa.Row) -> bool:
    return row.channel not in INSIDE and row.state is AttemptState.UNKNOWN


def _is_lost(row: sa.Row) -> bool:
    return row.code == attempts.LEASE_LOST and row.channel is not Channel.WORKLIST


def turn(tried: Tried, channels: Channels, *, now: datetime) -> Turn:
    """What to do with a message that is claimed."""
    doubt = tried.doubt
    if tried.lost >= MOST_LIVES:
        return Turn.TAKE_OUT
    if doubt is None:
        return Turn.SEND
    if doubt.channel not in channels:
        return Turn.GIVE_UP
    can: Capabilities = channels[doubt.channel].capabilities
    if can.can_be_asked:
        return Turn.ASK
    if tried.counts[doubt.channel, doubt.contact_id] >= MOST_TRIES:
        return Turn.GIVE_UP
    if can.honours_key:
        return Turn.SEND if now < tried.doubts[0].started_at + KEPT else Turn.GIVE_UP
    if doubt.repeats is not None:
        return Turn.GIVE_UP
    return Turn.SEND if abs(now - doubt.started_at) >= PATIENCE else Turn.LATER
