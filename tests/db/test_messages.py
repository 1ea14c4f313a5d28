from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta
from uuid import UUID

from sqlalchemy.engine import Engine

from db import batches, messages
from db.engine import reading, writing
from db.messages import Claimed, Outcome, Slot
from db.tables import Audience, Channel, Message, MessageState
from tests.db.conftest import NOW, House

LEASE = timedelta(seconds=60)
LATER = NOW + timedelta(minutes=2)


def claim(engine: Engine, *, now: object = NOW, limit: int = 10) -> list[Claimed]:
    with writing(engine) as session:
        return messages.claim(session, now=now, limit=limit, lease=LEASE)  # type: ignore[arg-type]


def settle(engine: Engine, *outcomes: Outcome) -> set[UUID]:
    with writing(engine) as session:
        return messages.settle(session, outcomes)


def stored(house: House, message_id: UUID) -> Message:
    with reading(house.engine) as session:
        return session.get_one(Message, (house.clinic_id, message_id))


def ensure(house: House, *, send_at: object = NOW, audience: Audience = Audience.PATIENT) -> UUID | None:
    slot = Slot(house.clinic_id, house.patient_id, audience, NOW)
    with writing(house.engine) as session:
        found = messages.ensure(session, [(slot, Channel.OUTBOX, send_at)], now=NOW)  # type: ignore[list-item]
    return found.get(slot)


def test_four_workers_never_claim_a_message_twice(house: House) -> None:
    row = {
        "clinic_id": house.clinic_id,
        "patient_id": house.patient_id,
        "audience": "patient",
        "channel": "outbox",
        "send_at": NOW,
        "created_at": NOW,
    }
    with writing(house.engine) as session:
        batches.insert(session, Message, [row] * 300)

    def work() -> list[UUID]:
        mine: list[UUID] = []
        while taken := claim(house.engine, limit=7):
            mine += [message.id for message in taken]
        return mine

    with ThreadPoolExecutor(4) as workers:
        taken = [job.result() for job in [workers.submit(work) for _ in range(4)]]
    times = Counter(id_ for mine in taken for id_ in mine)
    assert len(times) == 300
    assert set(times.values()) == {1}


def test_what_is_not_due_is_not_claimed(house: House) -> None:
    house.message(send_at=NOW + timedelta(microseconds=1))
    due = house.message(send_at=NOW)
    assert [message.id for message in claim(house.engine)] == [due]


def test_a_claim_counts_and_has_a_lease(house: House) -> None:
    message_id = house.message()
    [taken] = claim(house.engine)
    assert (taken.id, taken.token, taken.attempts, taken.audience) == (message_id, 1, 1, Audience.PATIENT)
    assert taken.send_at == NOW
    assert taken.send_at.tzinfo is UTC
    row = stored(house, message_id)
    assert (row.state, row.lease_until) == (MessageState.CLAIMED, NOW + LEASE)


def test_the_limit_holds_over_both_kinds(house: House) -> None:
    for _ in range(4):
        house.message()
    assert len(claim(house.engine, limit=2)) == 2
    again = claim(house.engine, now=LATER, limit=3)
    assert len(again) == 3
    assert sorted(message.token for message in again) == [1, 2, 2]


def test_a_lease_that_ran_out_is_claimed_again(house: House) -> None:
    message_id = house.message()
    claim(house.engine)
    assert claim(house.engine, now=NOW + LEASE - timedelta(microseconds=1)) == []
    [again] = claim(house.engine, now=NOW + LEASE)
    assert (again.id, again.token, again.attempts) == (message_id, 2, 2)


def test_who_was_too_slow_cannot_settle(house: House) -> None:
    message_id = house.message()
    [slow] = claim(house.engine)
    [quick] = claim(house.engine, now=LATER)
    assert settle(house.engine, Outcome(claimed=slow, state=MessageState.FAILED)) == set()
    assert stored(house, message_id).state is MessageState.CLAIMED
    assert settle(house.engine, Outcome(claimed=quick, state=MessageState.EMPTY)) == {message_id}
    assert stored(house, message_id).state is MessageState.EMPTY


def test_a_claim_settles_once(house: House) -> None:
    message_id = house.message()
    [taken] = claim(house.engine)
    assert settle(house.engine, Outcome(claimed=taken, state=MessageState.EMPTY)) == {message_id}
    assert settle(house.engine, Outcome(claimed=taken, state=MessageState.FAILED)) == set()
    assert stored(house, message_id).state is MessageState.EMPTY


def test_one_stale_claim_among_many_does_not_hurt_the_others(house: House) -> None:
    for _ in range(3):
        house.message()
    first, *rest = claim(house.engine)
    with writing(house.engine) as session:
        batches.change(session, Message, [{"clinic_id": first.clinic_id, "id": first.id, "token": 9}])
    outcomes = [Outcome(claimed=taken, state=MessageState.EMPTY) for taken in (first, *rest)]
    assert settle(house.engine, *outcomes) == {taken.id for taken in rest}


def test_a_message_goes_back_to_wait_for_a_later_time(house: House) -> None:
    message_id = house.message()
    [taken] = claim(house.engine)
    settle(house.engine, Outcome(claimed=taken, state=MessageState.WAITING, send_at=LATER))
    assert claim(house.engine) == []
    assert [message.id for message in claim(house.engine, now=LATER)] == [message_id]


def test_reminders_of_the_same_quarter_share_a_message(house: House) -> None:
    first = ensure(house, send_at=LATER)
    assert first is not None
    assert ensure(house, send_at=LATER) == first
    assert ensure(house, send_at=LATER, audience=Audience.CARER) != first
    assert stored(house, first).send_at == LATER


def test_the_earliest_reminder_says_when_a_shared_message_goes(house: House) -> None:
    first = ensure(house, send_at=LATER)
    assert first is not None
    ensure(house, send_at=NOW)
    assert stored(house, first).send_at == NOW


def test_a_message_in_somebodys_hands_takes_no_more_reminders(house: House) -> None:
    ensure(house)
    claim(house.engine)
    assert ensure(house) is None


def test_a_message_that_had_nothing_left_to_say_can_be_filled_again(house: House) -> None:
    first = ensure(house)
    [taken] = claim(house.engine)
    settle(house.engine, Outcome(claimed=taken, state=MessageState.EMPTY))
    assert ensure(house, send_at=LATER) == first
    assert [message.id for message in claim(house.engine, now=LATER)] == [first]


def test_a_message_is_not_claimed_while_reminders_are_put_into_it(house: House) -> None:
    """On SQLite the claim waits for the writer instead."""
    if house.engine.dialect.name == "sqlite":
        return
    slot = Slot(house.clinic_id, house.patient_id, Audience.PATIENT, NOW)
    ensure(house)
    with writing(house.engine) as session:
        messages.ensure(session, [(slot, Channel.OUTBOX, NOW)], now=NOW)
        assert claim(house.engine) == []
    assert len(claim(house.engine)) == 1


def test_the_oldest_due_message_is_known(house: House) -> None:
    with reading(house.engine) as session:
        assert messages.oldest_due(session, now=NOW) is None
    house.message(send_at=NOW - timedelta(hours=1))
    house.message(send_at=NOW)
    with reading(house.engine) as session:
        assert messages.oldest_due(session, now=NOW) == NOW - timedelta(hours=1)
