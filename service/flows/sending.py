"""The calls: no transaction is open during them, and none begins that could outlast its lease."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import structlog

from service import clock as clocks
from service.channels import INSIDE, Accepted, Answer, Channels, Letter, Rejected, Unknown
from service.flows import doubts
from service.flows.doubts import Turn
from service.flows.gates import Gate
from service.flows.outcomes import Call, Calling, Sent
from service.messages import Text

LEASE = timedelta(seconds=60)
TIME = (
    LEASE.total_seconds() / 2
)  # for calls to begin in; the other half is for the last to end and be settled
SENDERS = 8  # calls to the outside at a time

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """What calls are made with. Once `may_call` says no, what no call was begun for is handed back."""

    channels: Channels
    gate: Gate
    may_call: Callable[[], bool] = lambda: True


def send_all(calls: Sequence[Calling], hand: Hand, *, until: float) -> list[Sent[Calling]]:
    """What stays in the house one by one; what leaves it several at a time, for others take their time.

    `until`, by `clocks.seconds`, is when no call may begin any more.
    """
    send = partial(_send, hand=hand, until=until)
    inside = [call for call in calls if call.claimed.channel in INSIDE]
    outside = [call for call in calls if call.claimed.channel not in INSIDE]
    sent = [send(call) for call in inside]
    if outside:
        with ThreadPoolExecutor(SENDERS) as pool:
            sent += pool.map(send, outside)
    return sent


def _send(call: Calling, hand: Hand, until: float) -> Sent[Calling]:
    """One bad message is one bad message: whatever it raises is caught here."""
    match call.turn:
        case Turn.ASK:
            return _ask(call, hand, until)
        case Turn.GIVE_UP | Turn.TAKE_OUT:
            return Sent(call, Unknown("given-up"), None)
        case Turn.PASS_ON:
            return Sent(call, Rejected(doubts.SHUT, permanent=True), None)
    try:
        text = call.say()
    except Exception as error:
        code = _name(call, error)
        return Sent(call, Unknown(code) if call.doubts else Rejected(code, permanent=False), None)
    try:
        return Sent(call, hand.gate.call(call, lambda: _in_time(call, text, hand, until)), text)
    except Exception as error:
        return Sent(call, Unknown(_name(call, error)), text)


def _in_time(call: Call, text: Text | None, hand: Hand, until: float) -> Answer:
    """The time is looked at last: a process may have stood still until now."""
    channel, letter = hand.channels[call.claimed.channel], _letter(call, text)
    if call.claimed.channel not in INSIDE and not hand.may_call():
        return Rejected(doubts.HANDED_BACK, permanent=False)
    begun = clocks.seconds()
    if begun >= until:
        return Rejected(doubts.NO_TIME, permanent=False)
    return channel.send(replace(letter, begun=begun))


def _ask(call: Calling, hand: Hand, until: float) -> Sent[Calling]:
    """What is found never to have arrived, or not found out, stays marked with what put it in doubt."""
    unknown, never = Unknown(call.why), Rejected(call.why, permanent=False)
    answer: Answer = unknown
    text = None
    try:
        if hand.may_call() and clocks.seconds() < until:
            channel = hand.channels[call.claimed.channel]
            answer = hand.gate.call(call, lambda: channel.look_up(call.claimed.id) or never)
        text = call.say() if isinstance(answer, Accepted) else None
    except Exception as error:
        _name(call, error)
    return Sent(call, unknown if isinstance(answer, Unknown) else answer, text)


def _name(call: Call, error: Exception) -> str:
    log.error("message not sent", message=str(call.claimed.id), error=type(error).__name__)
    return type(error).__name__


def _letter(call: Call, text: Text | None) -> Letter:
    return Letter(
        key=call.claimed.id,
        attempt=call.attempt_id,
        address=call.address,
        subject=text.subject if text else "",
        body=text.body if text else "",
        sender=call.sender.clinic,
        unsubscribe=call.unsubscribe,
    )
