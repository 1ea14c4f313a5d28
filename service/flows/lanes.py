"""The way out to each provider, one for all workers: its release, its pace, its breaker.

A letter takes the channel's next free turn; one whose turn comes later goes back to waiting until then,
without a try. A provider that asks us to wait, or is down, gets no request of anybody until its time; then
one letter is sent to see, and the others follow when it is taken.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session

from db import lanes
from db.messages import Outcome
from db.tables import Channel, Lane, MessageState
from service.channels import INSIDE, Answer, Capabilities, Rejected, Unknown
from service.flows import rungs
from service.flows.doubts import PATIENCE, Tried, Turn
from service.flows.outcomes import Dispatch

BURST = timedelta(seconds=10)  # of turns that may be taken at once: a tick of the loop
MISSED = timedelta(minutes=1)  # a turn that long ago is lost: many at once would be no pace
AGAIN_COSTS = 10  # turns of a try again: a tenth of the pace at most
IN_A_ROW = 5  # answers that the provider is down close its lane
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(minutes=15)
PROBING = timedelta(minutes=1)  # until somebody else may try
GIVEN_UP = timedelta(hours=4)  # of refusing: who can be told otherwise is
UNRELEASED = timedelta(minutes=5)  # until it is looked at again


def has_one(can: Capabilities) -> bool:
    return can.per_second is not None or can.place is not None


# ---- may anything go now


def is_released(lane: Lane, can: Capabilities) -> bool:
    """By a person, to the very place it leads to in this process."""
    return can.place is None or (lane.released_at is not None and lane.place == can.place)


def shut_until(lane: Lane, can: Capabilities, now: datetime) -> datetime | None:
    """Until when nothing may be asked of the provider; None when it may be."""
    if not is_released(lane, can):
        return now + UNRELEASED
    closed = lane.closed_until is not None and lane.closed_until > now
    return lane.closed_until if closed else None


def _blocked_until(lane: Lane, can: Capabilities, now: datetime) -> datetime | None:
    """As above, and while another letter is out to see whether the provider is back."""
    shut = shut_until(lane, can, now)
    probed = lane.refused >= IN_A_ROW and lane.probe_until is not None and lane.probe_until > now
    return shut or (lane.probe_until if probed else None)


def is_given_up(lane: Lane, now: datetime) -> bool:
    return lane.refusing_since is not None and now - lane.refusing_since >= GIVEN_UP


# ---- what an answer means for the lane


def hear(lane: Lane, answer: Answer, now: datetime) -> bool:
    """Take an answer down; whether it is the one that closed the lane. Late answers change nothing."""
    was_shut = lane.closed_until is not None and lane.closed_until > now
    wait = answer.retry_after if isinstance(answer, Rejected) else None
    if wait is not None:
        lane.closed_until = max(lane.closed_until or now, now + wait)
    if not isinstance(answer, Rejected | Unknown) or not answer.down:
        if not was_shut:
            lane.refused, lane.refusing_since, lane.code, lane.probe_until = 0, None, None, None
        return False
    if was_shut:
        return False
    lane.refused, lane.code = lane.refused + 1, answer.code
    lane.refusing_since, lane.probe_until = lane.refusing_since or now, None
    if lane.refused >= IN_A_ROW:
        closed = min(LONGEST, SHORTEST * 2 ** min(lane.refused - IN_A_ROW, 10))
        lane.closed_until = max(lane.closed_until or now, now + closed)
    return lane.refused == IN_A_ROW


# ---- the claim: who goes now


@dataclass(slots=True)
class Admitted:
    now: list[Dispatch] = field(default_factory=list)
    put_off: list[Outcome] = field(default_factory=list)


def admit(
    session: Session,
    dispatches: Sequence[Dispatch],
    tried: Mapping[UUID, Tried],
    can: Mapping[Channel, Capabilities],
    *,
    now: datetime,
) -> Admitted:
    """Who goes now, and who waits, in the order of their sending times; the lanes stay locked."""
    found = Admitted()
    names = {d.claimed.channel for d in dispatches} | {o.channel for d in dispatches for o in d.others}
    mine = lanes.lock(session, {name for name in names if name in can and has_one(can[name])})
    for dispatch in sorted(dispatches, key=lambda d: (d.claimed.send_at, d.claimed.id)):
        lane = mine.get(dispatch.claimed.channel)
        if lane is None or not _is_kept(dispatch):
            found.now.append(dispatch)
            continue
        until = _blocked_until(lane, dispatch.can, now)
        if until is None:
            _open(found, dispatch, lane, now)
        elif (doubt := tried[dispatch.claimed.id].doubt) is not None:
            _doubtful(found, dispatch, min(until, doubt.started_at + PATIENCE), now)
        else:
            shut = {name for name, it in mine.items() if _blocked_until(it, can[name], now) is not None}
            _shut(found, dispatch, until, shut, given_up=is_given_up(lane, now))
    return found


def _is_kept(dispatch: Dispatch) -> bool:
    """What is not for people at home, alarms and direct answers, never waits behind reminders."""
    outside = dispatch.claimed.channel not in INSIDE and dispatch.turn not in (Turn.GIVE_UP, Turn.TAKE_OUT)
    return outside and dispatch.claimed.audience in rungs.AT_HOME


def _doubtful(found: Admitted, dispatch: Dispatch, until: datetime, now: datetime) -> None:
    """A doubt waits no longer for the provider than for anything else; then it is a person's."""
    if now >= until:
        found.now.append(replace(dispatch, turn=Turn.GIVE_UP))
        return
    found.put_off.append(Outcome(claimed=dispatch.claimed, state=MessageState.UNKNOWN, again_at=until))


def _shut(
    found: Admitted, dispatch: Dispatch, until: datetime, shut: Collection[Channel], *, given_up: bool
) -> None:
    """Wait without a try while that can help; then the next channel that is open, or a person."""
    claimed, slot = dispatch.claimed, dispatch.claimed.slot_at
    others = tuple(o for o in dispatch.others if o.channel != claimed.channel and o.channel not in shut)
    too_late = dispatch.useful_until is not None and until >= dispatch.useful_until
    if too_late or (others and given_up):
        found.now.append(replace(dispatch, turn=Turn.PASS_ON, others=others))
        return
    kept = slot if slot is not None and slot > until else None
    at = until if kept is None else max(until, kept - BURST)
    found.put_off.append(Outcome(claimed=claimed, state=MessageState.WAITING, send_at=at, slot_at=kept))


def _open(found: Admitted, dispatch: Dispatch, lane: Lane, now: datetime) -> None:
    """In its turn; what is in doubt, and what is to show whether the provider is back, at once."""
    probes = lane.refused >= IN_A_ROW
    lane.probe_until = now + PROBING if probes else None
    slot = _slot(dispatch, lane, now)
    if slot - now <= BURST or dispatch.doubts or probes:
        found.now.append(dispatch)
        return
    waits = Outcome(claimed=dispatch.claimed, state=MessageState.WAITING, send_at=slot - BURST, slot_at=slot)
    found.put_off.append(waits)


def _slot(dispatch: Dispatch, lane: Lane, now: datetime) -> datetime:
    """The turn that it has, or the next that is free."""
    has, rate = dispatch.claimed.slot_at, dispatch.can.per_second
    if rate is None or dispatch.turn is not Turn.SEND:
        return now
    if has is not None and has > now - MISSED:
        return has
    slot = max(lane.free_at or now, now)
    lane.free_at = slot + timedelta(seconds=(AGAIN_COSTS if dispatch.tries > 1 else 1) / rate)
    return slot


# ---- what people are told


def sentence(lane: Lane) -> str | None:
    """What is wrong with a lane, or None."""
    if lane.place is not None and lane.released_at is None:
        return (
            f"Nothing goes out by {lane.channel.value} ({lane.place}), which nobody has released: run "
            "nextcount transports show, then nextcount transports release."
        )
    if lane.refused >= IN_A_ROW and lane.refusing_since is not None:
        since = f"{lane.refusing_since:%Y-%m-%d %H:%M} UTC"
        return (
            f"{lane.channel.value} has been refusing since {since} ({lane.code}): messages wait; look at the "
            "provider's account and at the settings."
        )
    return None
