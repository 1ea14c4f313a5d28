"""What an answer makes of a message: the delays, their limits, and how long trying again can help."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from db.tables import Channel
from db.types import new_id
from schedules.closed_days import NEVER
from service.channels import Accepted, Answer, Capabilities, Rejected, Unknown
from service.flows import outcomes
from service.flows.doubts import Turn
from service.flows.outcomes import Dispatch, Fate, Sent

NOW = datetime(2026, 1, 11, 14, tzinfo=UTC)
LATER = Rejected("503", permanent=False)


def fate(answer: Answer, *, luck: float = 1.0, **columns: Any) -> Fate:
    given: dict[str, Any] = {
        **{"turn": Turn.SEND, "attempt_id": new_id(), "begun_at": NOW, "tries": 1, "doubts": ()},
        "language": "en",
        **{"contact": None, "others": (), "can": Capabilities(), "sayings": (), "useful_until": None},
        **{
            "claimed": SimpleNamespace(channel=Channel.SMS),
            "sender": None,
            "person": None,
            "today": NOW.date(),
            "closed": NEVER,
        },
    }
    return outcomes.fate(Sent(Dispatch(**given | columns), answer, None), NOW, luck=luck)


@pytest.mark.parametrize(
    ("tries", "seconds"), [(1, 5), (2, 10), (3, 20), (4, 40), (5, 80), (6, 160), (7, 320), (8, 640), (9, 900)]
)
def test_the_delay_doubles_up_to_a_quarter_of_an_hour(tries: int, seconds: int) -> None:
    assert outcomes.backoff(tries, 1.0) == timedelta(seconds=seconds)
    assert outcomes.backoff(tries, 0.0) == timedelta(seconds=1)
    assert outcomes.backoff(tries, 0.5) == timedelta(seconds=seconds / 2)


@pytest.mark.parametrize("tries", range(1, 9))
def test_seven_delays_and_the_eighth_is_the_last_try(tries: int) -> None:
    found = fate(LATER, tries=tries)
    assert found.state == ("failed" if tries == 8 else "waiting")


@pytest.mark.parametrize(("wait", "seconds"), [(2, 5), (5, 5), (60, 60), (900, 900)])
def test_H12_the_longer_of_the_delay_and_what_was_asked_is_waited(wait: int, seconds: int) -> None:
    answer = Rejected("429", permanent=False, retry_after=timedelta(seconds=wait))
    assert fate(answer).again_at == NOW + timedelta(seconds=seconds)


def test_nothing_is_tried_again_when_it_can_no_longer_help() -> None:
    edge = NOW + timedelta(seconds=5)
    assert fate(LATER, useful_until=edge + timedelta(microseconds=1)).state == "waiting"
    assert fate(LATER, useful_until=edge).state == "failed"


def test_the_next_channel_is_tried_at_once() -> None:
    same, other = SimpleNamespace(channel=Channel.SMS), SimpleNamespace(channel=Channel.EMAIL)
    never = Rejected("554", permanent=True)
    gone = Rejected("550", permanent=True, bad_address=True)
    assert fate(never, others=(same, other)) == Fate(state="waiting", again_at=NOW, channel=Channel.EMAIL)  # type: ignore[arg-type]
    assert fate(gone, others=(same, other)).channel is Channel.SMS
    assert fate(never, others=(same,)).state == "failed"


@pytest.mark.parametrize("doubts", [(), (new_id(),)])
@pytest.mark.parametrize("turn", list(Turn))
@pytest.mark.parametrize(
    "can", [Capabilities(), Capabilities(honours_key=True), Capabilities(can_be_asked=True)]
)
def test_H02_from_unknown_no_other_channel_is_ever_reached(
    turn: Turn, can: Capabilities, doubts: Any
) -> None:
    others = (SimpleNamespace(channel=Channel.EMAIL),)
    for tries in range(1, 12):
        found = fate(Unknown("x"), turn=turn, can=can, tries=tries, others=others, doubts=doubts)
        state = "failed" if turn is Turn.TAKE_OUT and not doubts else "unknown"
        assert (found.state, found.channel) == (state, None)


def test_a_doubt_is_over_within_a_quarter_of_an_hour_when_the_provider_is_asked() -> None:
    can, end = Capabilities(can_be_asked=True), timedelta(minutes=15)
    for minutes in range(15):
        begun = NOW - timedelta(minutes=minutes)
        found = fate(Unknown("x"), turn=Turn.ASK, can=can, begun_at=begun, tries=9)
        assert found.again_at is not None
        assert NOW < found.again_at <= begun + end
    assert fate(Unknown("x"), turn=Turn.ASK, can=can, begun_at=NOW - end).again_at is None


def test_an_acceptance_is_the_end() -> None:
    assert fate(Accepted(), doubts=(new_id(),)) == Fate(state="accepted")  # type: ignore[arg-type]


def test_inside_the_house_nothing_is_in_doubt() -> None:
    inside = SimpleNamespace(channel=Channel.OUTBOX)
    assert fate(Unknown("x"), claimed=inside).state == "waiting"
