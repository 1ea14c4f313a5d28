"""H08: the switch outside is called only when a canary went all the way, and nothing else is wrong."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from db import batches, deployments, heartbeats
from db.engine import reading, writing
from db.tables import Attempt, Channel, Message
from service.channels import Accepted, Rejected, Unknown
from service.flows import health, notices, outbox, reminders
from service.flows.gates import Gate
from service.flows.notices import Manner
from service.flows.sending import Hand
from service.flows.watchdog import Watchdog
from tests.stories.conftest import Practice
from tests.stories.mailed import mailed, watchdog

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
TEST_ADDRESS = "canary@elm.example"


class Outside:
    """The dead man's switch: when it was called."""

    def __init__(self, practice: Practice) -> None:
        self.practice, self.answers, self.calls = practice, True, list[int]()
        self._began = practice.clock()

    def call(self) -> bool:
        self.calls.append((self.practice.clock() - self._began) // MINUTE)
        return self.answers


@pytest.fixture
def outside(practice: Practice) -> Outside:
    return Outside(practice)


def beat(practice: Practice, *loops: str) -> None:
    with writing(practice.engine) as session:
        for loop in loops or health.WHAT:
            heartbeats.beat(session, loop, "test", now=practice.clock(), tzdata="2026.6")


def turn(
    practice: Practice, watch: Watchdog, *, until: int, meanwhile: Callable[[], None] = lambda: None
) -> None:
    """A minute at a time the loops tick and give signs of life."""
    for _ in range(until):
        meanwhile()
        watch.tick()
        reminders.tick(practice.engine, practice.clock, practice.channels, manner=watch.manner)
        beat(practice)
        practice.clock.wind(practice.clock() + MINUTE)


def canaries(practice: Practice) -> list[str]:
    return [row.state.value for row in practice.notices if row.kind == "canary"]


def test_H08_it_is_called_once_for_every_canary(practice: Practice, outside: Outside) -> None:
    turn(practice, watchdog(practice, call_outside=outside.call), until=16)
    assert outside.calls == [1, 6, 11]
    assert canaries(practice) == ["accepted"] * 4


def test_H08_no_canary_no_call(practice: Practice, outside: Outside) -> None:
    """The loop of reminders has stopped; its last signs of life are fresh."""
    watch = watchdog(practice, call_outside=outside.call)
    for _ in range(20):
        watch.tick()
        beat(practice)
        practice.clock.wind(practice.clock() + MINUTE)
    assert outside.calls == []
    assert set(canaries(practice)) == {"waiting"}


@pytest.mark.parametrize("silent", list(health.WHAT))
def test_H08_no_call_when_any_loop_is_silent(practice: Practice, outside: Outside, silent: str) -> None:
    watch = watchdog(practice, call_outside=outside.call)
    turn(practice, watch, until=3)
    assert outside.calls == [1]
    for _ in range(12):
        watch.tick()
        reminders.tick(practice.engine, practice.clock, practice.channels)
        beat(practice, *(set(health.WHAT) - {silent}))
        practice.clock.wind(practice.clock() + MINUTE)
    assert outside.calls == [1]


def test_H08_no_call_while_a_message_is_stuck(practice: Practice, outside: Outside) -> None:
    """Reminders cannot be claimed, although canaries can: what is due grows old."""
    watch = watchdog(practice, call_outside=outside.call)
    row = {"clinic_id": practice.clinic_id, "patient_id": practice.patient(), "audience": "patient"}
    row |= {"channel": "outbox", "send_at": practice.clock() + 2 * MINUTE, "created_at": practice.clock()}
    with writing(practice.engine) as session:
        batches.insert(session, Message, [row])
    for _ in range(30):
        watch.tick()
        hand = Hand(channels=practice.channels, gate=Gate(practice.engine, practice.clock))
        notices.send_due(practice.engine, practice.clock, hand, watch.manner)
        beat(practice)
        practice.clock.wind(practice.clock() + MINUTE)
    assert outside.calls == [1, 6, 11, 16]


def test_H08_H65_no_call_while_the_database_is_held(practice: Practice, outside: Outside) -> None:
    with writing(practice.engine) as session:
        deployments.hold(session, reason="a test", now=practice.clock())
    turn(practice, watchdog(practice, call_outside=outside.call), until=12)
    assert (outside.calls, canaries(practice)) == ([], [])


@pytest.mark.parametrize(
    "answer", [Rejected("550", permanent=True), Rejected("421", permanent=False), Unknown("x")]
)
def test_H08_no_call_while_the_transport_fails_and_again_when_it_works(
    practice: Practice, outside: Outside, answer: Rejected | Unknown
) -> None:
    box = mailed(practice)
    manner = Manner(canary=(Channel.EMAIL, TEST_ADDRESS))
    watch = watchdog(practice, call_outside=outside.call, manner=manner)
    box.answers = lambda letter: answer
    turn(practice, watch, until=12)
    assert outside.calls == []
    box.answers = lambda letter: Accepted()
    turn(practice, watch, until=6)
    assert len(outside.calls) == 1
    assert {letter.address for _, letter in box.letters} == {TEST_ADDRESS}


def test_a_call_that_was_refused_is_made_again(practice: Practice, outside: Outside) -> None:
    outside.answers = False
    watch = watchdog(practice, call_outside=outside.call)
    turn(practice, watch, until=3)
    outside.answers = True
    turn(practice, watch, until=2)
    assert outside.calls == [1, 2, 3]


def test_an_old_canary_is_no_reason_to_call(practice: Practice, outside: Outside) -> None:
    turn(practice, watchdog(practice), until=2)
    practice.clock.wind(practice.clock() + 10 * MINUTE)
    beat(practice)
    watchdog(practice, call_outside=outside.call).tick()
    assert outside.calls == []


def test_old_canaries_are_forgotten_with_their_attempts(practice: Practice) -> None:
    watch = watchdog(practice, every=timedelta(hours=6))
    for _ in range(12):
        watch.tick()
        reminders.tick(practice.engine, practice.clock, practice.channels)
        practice.clock.wind(practice.clock() + timedelta(hours=6))
    kept = [row for row in practice.notices if row.kind == "canary"]
    assert len(kept) == 5
    ids = {row.id for row in kept}
    tries = [row.message_id for row in practice.rows(Attempt) if row.clinic_id == kept[0].clinic_id]
    assert sorted(tries) == sorted(ids)


def test_of_canaries_that_waited_only_the_newest_flies(practice: Practice) -> None:
    watch = watchdog(practice)
    for _ in range(3):
        watch.tick()
        practice.clock.wind(practice.clock() + 5 * MINUTE)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    assert canaries(practice) == ["empty", "empty", "accepted"]


def test_a_canary_is_on_no_page(practice: Practice) -> None:
    turn(practice, watchdog(practice), until=2)
    assert "accepted" in canaries(practice)
    assert [
        row for row in outbox.page(practice.engine, limit=10).rows if "canary" in (row.subject or "")
    ] == []


def test_no_call_is_made_inside_a_transaction(practice: Practice) -> None:
    """The call looks at the database from a connection of its own, and writes to it."""
    wrote = []

    def call() -> bool:
        with reading(practice.engine) as session:
            session.execute(sa.text("SELECT 1"))
        beat(practice)
        wrote.append(practice.engine.pool.status())
        return True

    turn(practice, watchdog(practice, call_outside=call), until=2)
    assert len(wrote) == 1
