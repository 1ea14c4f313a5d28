"""A reminder becomes due: claim, guard, attempt, send, outcome, next rung.

One transaction claims, guards and commits the attempts; none is open during the calls; outcomes are written
in slices, each with the next rungs of its items.
"""

from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import attempts, deployments, messages
from db.engine import writing
from db.messages import Claimed, Outcome
from db.tables import Audience, MessageState
from db.types import new_id
from schedules import days, ladder
from service import clock as clocks
from service import messages as wording
from service.channels import BLIND, INSIDE, Answer, Channels, Letter, Rejected, Unknown
from service.clock import Clock
from service.flows import doubts, guarding, lanes, notices, outcomes, rungs, settling, wordings
from service.flows.doubts import Tried, Turn
from service.flows.gates import Gate
from service.flows.guarding import Saying, Seen
from service.flows.notices import Manner, Notice
from service.flows.outcomes import Call, Calling, Dispatch, Sent
from service.links import Links

BATCH = 500
SLICE = settling.SLICE
LEASE = timedelta(seconds=60)
EVERYBODY = frozenset(Audience)
STAFF = EVERYBODY - rungs.AT_HOME
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
    handled = 0
    send = partial(send_all, channels=channels, gate=Gate(engine, clock), may_call=may_call)
    while True:
        noticed = notices.try_to_send(engine, clock, channels, manner, send)
        begun = clocks.seconds()
        with writing(engine) as session:
            claimed, dispatches = _claim(session, clock(), channels, links, among)
        if not claimed + noticed:
            return handled
        handled += claimed + noticed
        sent = send(dispatches, begun=begun)
        settling.settle(engine, sent, clock, until=begun + LEASE.total_seconds())
        if not go_on():
            return handled


# ---- claim and guard: one transaction


def _claim(
    session: Session, now: datetime, channels: Channels, links: Links | None, among: Collection[Audience]
) -> tuple[int, list[Dispatch]]:
    if deployments.is_held(session):
        return 0, []
    claimed = messages.claim(session, now=now, limit=BATCH, lease=LEASE, among=among)
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
    can = {name: channel.capabilities for name, channel in channels.items() if name not in INSIDE}
    admitted = lanes.admit(session, dispatches, tried, can, now=now)
    messages.settle(session, admitted.put_off)
    tries = [dispatch for dispatch in admitted.now if dispatch.turn is Turn.SEND]
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
        contact=contact,
        address="" if contact is None else contact.address,
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


def send_all(
    dispatches: Sequence[Calling],
    *,
    channels: Channels,
    gate: Gate,
    begun: float,
    may_call: Callable[[], bool] = lambda: True,
) -> list[Sent[Calling]]:
    """What stays in the house one by one; what leaves it several at a time, for others take their time."""
    inside = [d for d in dispatches if d.claimed.channel in INSIDE]
    outside = [d for d in dispatches if d.claimed.channel not in INSIDE]
    sent = [_send(dispatch, channels, gate) for dispatch in inside]
    if outside:
        until = begun + LEASE.total_seconds() / 2
        in_time = partial(_send_in_time, channels=channels, gate=gate, until=until, may_call=may_call)
        with ThreadPoolExecutor(SENDERS) as pool:
            sent += pool.map(in_time, outside)
    return sent


def _send_in_time(
    dispatch: Calling, channels: Channels, *, gate: Gate, until: float, may_call: Callable[[], bool]
) -> Sent[Calling]:
    """No call begins that could outlast the lease, or once the process was told to stop."""
    if dispatch.turn is Turn.GIVE_UP:
        return _send(dispatch, channels, gate)
    if not may_call():
        return Sent(dispatch, doubts.not_begun(dispatch.turn, doubts.HANDED_BACK), None)
    if clocks.seconds() >= until:
        return Sent(dispatch, doubts.not_begun(dispatch.turn, doubts.NO_TIME), None)
    return _send(dispatch, channels, gate)


def _send(dispatch: Calling, channels: Channels, gate: Gate) -> Sent[Calling]:
    """One bad message is one bad message: whatever it raises is caught here."""
    try:
        text = _render(dispatch)
    except Exception as error:
        code = _name(dispatch, error)
        return Sent(dispatch, Unknown(code) if dispatch.doubts else Rejected(code, permanent=False), None)
    try:
        return Sent(dispatch, _call(dispatch, text, channels, gate), text)
    except Exception as error:
        return Sent(dispatch, Unknown(_name(dispatch, error)), text)


def _name(dispatch: Call, error: Exception) -> str:
    log.error("message not sent", message=str(dispatch.claimed.id), error=type(error).__name__)
    return type(error).__name__


def _call(dispatch: Call, text: wording.Text | None, channels: Channels, gate: Gate) -> Answer:
    if dispatch.turn is Turn.GIVE_UP:
        return Unknown("given-up")
    if dispatch.turn is Turn.PASS_ON:
        return Rejected(doubts.SHUT, permanent=True)
    channel = channels[dispatch.claimed.channel]
    if dispatch.turn is Turn.ASK:
        nothing = Rejected("never-arrived", permanent=False)
        return gate.call(dispatch, lambda: channel.look_up(dispatch.claimed.id) or nothing)
    return gate.call(dispatch, lambda: channel.send(_letter(dispatch, text)))


def _letter(dispatch: Call, text: wording.Text | None) -> Letter:
    return Letter(
        key=dispatch.claimed.id,
        attempt=dispatch.attempt_id,
        address=dispatch.address,
        subject=text.subject if text else "",
        body=text.body if text else "",
        sender=dispatch.sender.clinic,
        unsubscribe=dispatch.unsubscribe,
    )


def _render(dispatch: Call) -> wording.Text | None:
    """The text for a person at home, or of a notice; for a rung of staff its work item says everything."""
    if isinstance(dispatch, Notice):
        return dispatch.text
    assert isinstance(dispatch, Dispatch)
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
