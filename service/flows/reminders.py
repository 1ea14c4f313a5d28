"""A reminder becomes due: claim, guard, attempt, send, outcome, next rung.

One transaction claims, guards and commits the attempts; none is open during the calls; outcomes are written
in slices, each with the next rungs of its items.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import attempts, deployments, messages
from db.batches import batched
from db.engine import writing
from db.messages import Claimed, Outcome
from db.tables import MessageState
from db.types import new_id
from schedules import days, ladder
from service import clock as clocks
from service import messages as wording
from service.channels import BLIND, INSIDE, Accepted, Answer, Channels, Letter, Rejected, Unknown
from service.clock import Clock
from service.flows import doubts, guarding, outcomes, rungs, wordings
from service.flows.doubts import Tried, Turn
from service.flows.guarding import Saying, Seen
from service.flows.outcomes import Dispatch, Sent
from service.links import Links

BATCH = 500
SLICE = 50
LEASE = timedelta(seconds=60)
SENDERS = 8  # calls to the outside at a time
MOST_ATTEMPTS = doubts.MOST_TRIES
RETRY = outcomes.CAP

log = structlog.get_logger()


def tick(
    engine: Engine,
    clock: Clock,
    channels: Channels,
    *,
    links: Links | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> int:
    """Say everything that is due by now, while `go_on` says so after a batch; how many were looked at.

    Without `links` messages lead nowhere: there is a telephone number in each.
    """
    handled = 0
    while True:
        until = clocks.seconds() + LEASE.total_seconds() / 2
        with writing(engine) as session:
            claimed, dispatches = _claim(session, clock(), channels, links)
        if not claimed:
            return handled
        handled += claimed
        sent = _send_all([d for d in dispatches if not d.alone], channels, until=until)
        for some in batched(sent, SLICE):
            with writing(engine) as session:
                outcomes.settle(session, some, clock())
        for dispatch in sorted((d for d in dispatches if d.alone), key=lambda d: d.lost):
            _send_alone(engine, clock, dispatch, channels, until=until)
        if not go_on():
            return handled


# ---- claim and guard: one transaction


def _claim(
    session: Session, now: datetime, channels: Channels, links: Links | None
) -> tuple[int, list[Dispatch]]:
    if deployments.is_held(session):
        return 0, []
    claimed = messages.claim(session, now=now, limit=BATCH, lease=LEASE)
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
        replace(
            _dispatch(seen, m, tried[m.id], turns[m.id], channels, now),
            link=None if links is None else links.page(m.id),
        )
        for m in speaking
    ]
    tries = [dispatch for dispatch in dispatches if dispatch.turn is Turn.SEND and not dispatch.alone]
    attempts.start(session, [_attempt(dispatch, now) for dispatch in tries])
    return len(claimed), dispatches


def _silent(message: Claimed, doubtful: bool) -> Outcome:
    """Nothing is left to say. What may have been said is not empty: its key must not carry another text."""
    return Outcome(claimed=message, state=MessageState.UNKNOWN if doubtful else MessageState.EMPTY)


def _later(message: Claimed, tried: Tried) -> Outcome:
    assert tried.doubt is not None
    again_at = tried.doubt.started_at + doubts.PATIENCE
    return Outcome(claimed=message, state=MessageState.UNKNOWN, again_at=again_at)


def _dispatch(
    seen: Seen, message: Claimed, tried: Tried, turn: Turn, channels: Channels, now: datetime
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
        others=tuple(routes[1:]),
        can=BLIND if channel in INSIDE or channel not in channels else channels[channel].capabilities,
        sayings=tuple(seen.sayings[message.id]),
        useful_until=guarding.useful_until(seen, seen.sayings[message.id], message),
        sender=guarding.sender(seen.clinics[message.clinic_id]),
        person=person,
        language=wordings.spoken(person, seen.signed),
        today=days.local_day(now if doubt is None else doubt.started_at, days.zone(person.time_zone)),
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


# ---- send: no transaction


def _send_all(dispatches: Sequence[Dispatch], channels: Channels, *, until: float) -> list[Sent]:
    """What stays in the house one by one; what leaves it several at a time, for others take their time."""
    send = partial(_send, channels=channels, until=until)
    inside = [d for d in dispatches if d.claimed.channel in INSIDE]
    outside = [d for d in dispatches if d.claimed.channel not in INSIDE]
    sent = [send(dispatch) for dispatch in inside]
    if outside:
        with ThreadPoolExecutor(SENDERS) as pool:
            sent += pool.map(send, outside)
    return sent


def _send_alone(
    engine: Engine, clock: Clock, dispatch: Dispatch, channels: Channels, *, until: float
) -> None:
    """A process ended with it in hand: begun, said and settled by itself, it can take no other along."""
    with writing(engine) as session:
        attempts.start(session, [_attempt(dispatch, clock())])
    sent = _send(dispatch, channels, until=until)
    with writing(engine) as session:
        outcomes.settle(session, [sent], clock())


def _send(dispatch: Dispatch, channels: Channels, *, until: float) -> Sent:
    """One bad message is one bad message: whatever it raises is caught here."""
    if dispatch.turn is Turn.ASK:
        return _ask(dispatch, channels, until)
    if dispatch.turn is not Turn.SEND:
        return Sent(dispatch, Unknown("given-up"), None)
    try:
        text = _render(dispatch)
    except Exception as error:
        code = _name(dispatch, error)
        return Sent(dispatch, Unknown(code) if dispatch.doubts else Rejected(code, permanent=False), None)
    if clocks.seconds() >= until:  # looked at last: no call begins that could outlast the lease
        return Sent(dispatch, Rejected(doubts.NO_TIME, permanent=False), None)
    try:
        return Sent(dispatch, channels[dispatch.claimed.channel].send(_letter(dispatch, text)), text)
    except Exception as error:
        return Sent(dispatch, Unknown(_name(dispatch, error)), text)


def _ask(dispatch: Dispatch, channels: Channels, until: float) -> Sent:
    """What is found never to have arrived, or not found out, stays marked with what put it in doubt."""
    answer: Answer | None = Unknown(dispatch.why)
    try:
        if clocks.seconds() < until:
            answer = channels[dispatch.claimed.channel].look_up(dispatch.claimed.id)
        text = _render(dispatch) if isinstance(answer, Accepted) else None
    except Exception as error:
        _name(dispatch, error)
        text = None
    if answer is None:
        answer = Rejected(dispatch.why, permanent=False)
    return Sent(dispatch, Unknown(dispatch.why) if isinstance(answer, Unknown) else answer, text)


def _name(dispatch: Dispatch, error: Exception) -> str:
    log.error("message not sent", message=str(dispatch.claimed.id), error=type(error).__name__)
    return type(error).__name__


def _letter(dispatch: Dispatch, text: wording.Text | None) -> Letter:
    return Letter(
        key=dispatch.claimed.id,
        attempt=dispatch.attempt_id,
        address="" if dispatch.contact is None else dispatch.contact.address,
        subject=text.subject if text else "",
        body=text.body if text else "",
        sender=dispatch.sender.clinic,
        unsubscribe=dispatch.unsubscribe,
    )


def _render(dispatch: Dispatch) -> wording.Text | None:
    """The text for a person at home; staff get a work item instead."""
    audience = dispatch.claimed.audience.value
    if audience not in ladder.PEOPLE:
        return None
    return wording.render(
        dispatch.sender,
        [_line(saying, dispatch.today) for saying in dispatch.sayings],
        audience=audience,
        language=dispatch.language,
        wording=dispatch.person.wording.value,
        link=dispatch.link,
    )


def _line(saying: Saying, today: date) -> wording.Line:
    item, tone = saying.row.item, guarding.tone(saying.row.item, today)
    if item.appointment is not None:
        return wording.Line(item.kind, tone, item.appointment.date(), item.appointment.time())
    return wording.Line(item.kind, tone, item.due_on)
