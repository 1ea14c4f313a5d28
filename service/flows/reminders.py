"""A reminder becomes due: claim, guard, attempt, send, outcome, next rung.

One transaction claims, guards and commits the attempts; none is open during the calls; outcomes are written
in slices, each with the next rungs of its items.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Any

from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import attempts, deployments, messages
from db.engine import writing
from db.messages import Claimed, Outcome
from db.tables import Audience, MessageState
from db.types import new_id
from schedules import days
from service import clock as clocks
from service.channels import BLIND, INSIDE, Channels
from service.clock import Clock
from service.flows import (
    doubts,
    guarding,
    lanes,
    notices,
    outcomes,
    rungs,
    sending,
    settling,
    situations,
    wordings,
)
from service.flows.doubts import Tried, Turn
from service.flows.gates import Gate
from service.flows.notices import Manner
from service.flows.outcomes import Dispatch
from service.flows.sending import Hand
from service.flows.situations import Seen
from service.links import Links

BATCH = 500
LEASE = sending.LEASE
EVERYBODY = frozenset(Audience)
STAFF = EVERYBODY - rungs.AT_HOME
MOST_ATTEMPTS = doubts.MOST_TRIES
RETRY = outcomes.CAP


def tick(
    engine: Engine,
    clock: Clock,
    channels: Channels,
    *,
    links: Links | None = None,
    among: Collection[Audience] = EVERYBODY,
    go_on: Callable[[], bool] = lambda: True,
    may_call: Callable[[], bool] = lambda: True,
    manner: Manner = notices.PLAIN,
) -> int:
    """Say everything that is due by now, while `go_on` says so after a batch; how many were looked at.

    Once `may_call` says no, what no call was begun for is handed back. Without `links` messages lead
    nowhere: there is a telephone number in each. Staff have a loop of their own, so that nothing of theirs
    waits for a slow provider.
    """
    handled, hand = 0, Hand(channels=channels, gate=Gate(engine, clock), may_call=may_call)
    while True:
        noticed = notices.try_to_send(engine, clock, hand, manner)
        until = clocks.seconds() + sending.TIME
        with writing(engine) as session:
            claimed, dispatches = _claim(session, clock(), channels, links, among)
        if not claimed + noticed:
            return handled
        handled += claimed + noticed
        sent = sending.send_all([d for d in dispatches if not d.alone], hand, until=until)
        settling.settle(engine, sent, clock, until=until + sending.TIME)
        for dispatch in sorted((d for d in dispatches if d.alone), key=lambda d: d.lost):
            _send_alone(engine, clock, dispatch, hand, until=until)
        if not go_on():
            return handled


def _send_alone(engine: Engine, clock: Clock, dispatch: Dispatch, hand: Hand, *, until: float) -> None:
    """A process ended with it in hand: begun, said and settled by itself, it can take no other along."""
    with writing(engine) as session:
        attempts.start(session, [_attempt(dispatch, clock())])
    sent = sending.send_all([dispatch], hand, until=until)
    settling.settle(engine, sent, clock, until=until + sending.TIME)


# ---- claim and guard: one transaction


def _claim(
    session: Session, now: datetime, channels: Channels, links: Links | None, among: Collection[Audience]
) -> tuple[int, list[Dispatch]]:
    if deployments.is_held(session):
        return 0, []
    claimed = messages.claim(session, now=now, limit=BATCH, lease=LEASE, among=among)
    if not claimed:
        return 0, []
    attempts.abandon(session, [message.key for message in claimed if message.attempts > 1], now=now)
    tried = doubts.look(session, claimed)
    turns = {message.id: doubts.turn(tried[message.id], channels, now=now) for message in claimed}
    now_or_never = [message for message in claimed if turns[message.id] is not Turn.LATER]
    doubtful = {id_ for id_, one in tried.items() if one.doubt is not None}
    carried = frozenset(channels) - INSIDE
    seen = guarding.look(session, now_or_never, now=now, carried=carried, doubtful=doubtful)
    guarding.write(session, seen, now=now)
    speaking = [message for message in now_or_never if seen.sayings.get(message.id)]
    silent = [message for message in now_or_never if not seen.sayings.get(message.id)]
    messages.settle(session, [_silent(message, message.id in doubtful) for message in silent])
    later = [message for message in claimed if turns[message.id] is Turn.LATER]
    messages.settle(session, [_later(message, tried[message.id]) for message in later])
    dispatches = [
        _dispatch(
            *(seen, m, tried[m.id], turns[m.id], channels, now),
            link=None if links is None else links.page(m.id),
        )
        for m in speaking
    ]
    can = {name: channel.capabilities for name, channel in channels.items() if name not in INSIDE}
    admitted = lanes.admit(session, dispatches, tried, can, now=now)
    messages.settle(session, admitted.put_off)
    tries = [dispatch for dispatch in admitted.now if dispatch.turn is Turn.SEND and not dispatch.alone]
    attempts.start(session, [_attempt(dispatch, now) for dispatch in tries])
    return len(claimed), admitted.now


def _silent(message: Claimed, doubtful: bool) -> Outcome:
    """Nothing is left to say. What may have been said is not empty: its key must not carry another text."""
    return Outcome(claimed=message, state=MessageState.UNKNOWN if doubtful else MessageState.EMPTY)


def _later(message: Claimed, tried: Tried) -> Outcome:
    assert tried.doubt is not None
    again_at = tried.doubt.started_at + doubts.PATIENCE
    return Outcome(claimed=message, state=MessageState.UNKNOWN, again_at=again_at)


def _dispatch(
    seen: Seen,
    message: Claimed,
    tried: Tried,
    turn: Turn,
    channels: Channels,
    now: datetime,
    *,
    link: str | None,
) -> Dispatch:
    person, doubt = seen.rows[message.patient_id], tried.doubt
    routes = rungs.routes(message, seen.reachable, tried, carried=seen.carried)
    if turn is Turn.SEND and doubt is not None and (message.id in seen.stuck or not routes):
        turn = Turn.GIVE_UP
    contact = routes[0] if routes else None
    channel = rungs.channel_of(message.audience, contact) if doubt is None else doubt.channel
    asked = doubt if turn is not Turn.SEND else None
    begun_at = now if asked is None else asked.started_at
    count = tried.counts[channel, None if contact is None else contact.id]
    return Dispatch(
        claimed=message._replace(channel=channel),
        turn=turn,
        attempt_id=new_id() if asked is None else asked.id,
        begun_at=begun_at,
        tries=count + (asked is None),
        doubts=tuple(row.id for row in tried.doubts),
        why="" if doubt is None else doubt.code,
        lost=tried.lost,
        contact=contact,
        address="" if contact is None else contact.address,
        others=tuple(routes[1:]),
        link=link,
        can=BLIND if channel in INSIDE or channel not in channels else channels[channel].capabilities,
        sayings=tuple(seen.sayings[message.id]),
        useful_until=situations.useful_until(seen, seen.sayings[message.id], message),
        sender=situations.sender(seen.clinics[message.clinic_id]),
        person=person,
        language=wordings.spoken(person, seen.signed),
        today=days.local_day(now if doubt is None else doubt.started_at, days.zone(person.time_zone)),
        closed=seen.people[message.patient_id].hours.closed,
    )


def _attempt(dispatch: Dispatch, now: datetime) -> dict[str, Any]:
    message = dispatch.claimed
    return {
        "clinic_id": message.clinic_id,
        "id": dispatch.attempt_id,
        "message_id": message.id,
        "number": message.attempts,
        "channel": message.channel,
        "contact_id": None if dispatch.contact is None else dispatch.contact.id,
        "repeats": dispatch.repeats,
        "started_at": now,
    }
