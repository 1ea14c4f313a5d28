from datetime import timedelta

import pytest

from db import invariants
from db.engine import reading
from db.tables import Attempt, WorkItem
from tests.db.conftest import NOW, House

EARLIER = NOW - timedelta(minutes=1)


def broken(house: House) -> list[str]:
    with reading(house.engine) as session:
        return list(invariants.broken(session))


def attempt(house: House, **columns: object) -> None:
    values = {"number": 1, "channel": "outbox", "started_at": EARLIER, "state": "accepted"}
    house.add(Attempt, **(values | columns))


def test_a_house_in_order_breaks_nothing(raw_house: House) -> None:
    raw_house.reminder(raw_house.item())
    raw_house.item(clock="held", held=True)
    attempt(raw_house, message_id=raw_house.message(state="accepted", accepted_at=NOW))
    assert broken(raw_house) == []


def test_a_silent_item_is_found(raw_house: House) -> None:
    item_id = raw_house.item(version=2)
    raw_house.reminder(item_id, version=1)
    assert broken(raw_house) == ["every open item has a waiting rung, an unfinished work item, or is held"]
    moments = {"opened_at": NOW, "raised_at": NOW, "due_by": NOW}
    names = {"kind": "x", "level": "routine", "role": "coordinator", "key": "k"}
    raw_house.add(WorkItem, item_id=item_id, **names, **moments)
    assert broken(raw_house) == []


def test_a_reminder_that_waits_on_a_closed_item_is_found(raw_house: House) -> None:
    raw_house.reminder(raw_house.item(class_="missed"))
    assert broken(raw_house) == ["no reminder waits on a closed item"]


@pytest.mark.parametrize("state", ["empty", "failed"])
def test_a_reminder_that_waits_for_an_ended_message_is_found(raw_house: House, state: str) -> None:
    raw_house.reminder(raw_house.item(), message_id=raw_house.message(state=state))
    assert broken(raw_house) == ["no reminder waits for a message that has ended"]


@pytest.mark.parametrize("started_at", [None, NOW + timedelta(seconds=1)])
def test_an_accept_that_no_attempt_came_before_is_found(raw_house: House, started_at: object) -> None:
    message_id = raw_house.message(state="accepted", accepted_at=NOW)
    if started_at is not None:
        attempt(raw_house, message_id=message_id, started_at=started_at)
    assert broken(raw_house) == ["nothing is accepted without an attempt begun before"]


def test_a_message_accepted_twice_is_found(raw_house: House) -> None:
    message_id = raw_house.message(state="accepted", accepted_at=NOW)
    attempt(raw_house, message_id=message_id)
    attempt(raw_house, message_id=message_id, number=2)
    assert broken(raw_house) == ["a message is accepted at most once per channel"]
