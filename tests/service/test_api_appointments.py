"""Appointments over the API: booked, moved, kept or not; the visit's ladder follows each."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.service.desk import Desk, with_a_visit
from tests.stories.conftest import Practice


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return with_a_visit(practice)


def act(desk: Desk, what: str, **said: Any) -> Any:
    desk.practice.clock.wind(desk.practice.clock() + timedelta(minutes=1))
    return desk.post(path(desk), {"act": what} | said)


def path(desk: Desk) -> str:
    return f"/items/{desk.open_item()['id']}/appointment"


def rungs(desk: Desk) -> set[str]:
    item = desk.open_item()["id"]
    return {row.rung for row in desk.practice.reminders if str(row.item_id) == item and not row.decided_at}


def test_a_visit_is_booked_moved_and_attended(desk: Desk) -> None:
    [booked] = act(desk, "book", at="2026-03-09T14:30")["difference"]["dates"]
    assert (booked["was_due_on"], booked["due_on"]) == ("2026-03-04", "2026-03-04")
    first = desk.open_item()
    assert first["appointment"] == "2026-03-09T14:30:00"
    assert "appointment-week" in rungs(desk)
    act(desk, "move", at="2026-03-10T09:00")
    assert (desk.open_item()["appointment"], desk.open_item()["version"]) == ("2026-03-10T09:00:00", 3)
    desk.practice.run_until(datetime(2026, 3, 10, 16, tzinfo=UTC))
    found = act(desk, "attended")["difference"]["dates"]
    assert [one["class"] for one in found] == ["on-time", None]
    assert desk.open_item()["appointment"] is None


def test_who_did_not_come_is_to_book_again_and_a_person_hears(desk: Desk) -> None:
    act(desk, "book", at="2026-03-09T14:30")
    desk.practice.run_until(datetime(2026, 3, 9, 20, tzinfo=UTC))
    act(desk, "not-attended", reason="no call")
    assert desk.open_item()["appointment"] is None
    assert "not-attended" in {work.kind for work in desk.practice.work if work.state.value == "open"}
    act(desk, "book", at="2026-03-16T14:30")
    assert "not-attended" not in {work.kind for work in desk.practice.work if work.state.value == "open"}


def test_a_cancelled_visit_is_to_book_again(desk: Desk) -> None:
    act(desk, "book", at="2026-03-09T14:30")
    act(desk, "cancel", reason="the clinic is closed")
    assert desk.open_item()["appointment"] is None
    assert desk.refused(path(desk), {"act": "cancel"}) == "There is no appointment: book one."


def test_booked_and_attended_on_one_day_leaves_the_next_visit_to_book(desk: Desk) -> None:
    desk.practice.run_until(datetime(2026, 3, 5, 14, tzinfo=UTC))
    act(desk, "book", at="2026-03-05T15:00")
    act(desk, "attended")
    assert (desk.open_item()["ordinal"], desk.open_item()["appointment"]) == (2, None)


@pytest.mark.parametrize(
    ("body", "status", "why"),
    [
        ({"act": "move", "at": "2026-03-10T09:00"}, 409, "There is no appointment"),
        ({"act": "book"}, 422, "body.at is missing"),
        ({"act": "book", "at": "2026-01-01T09:00"}, 422, "body.at is past"),
        ({"act": "book", "at": "2026-03-10T09:00Z"}, 422, "this is not a local date and time"),
        ({"act": "attended"}, 409, "Nothing is open that attended could be about"),
    ],
)
def test_an_appointment_that_cannot_be_is_refused(
    desk: Desk, body: dict[str, Any], status: int, why: str
) -> None:
    assert why in desk.refused(path(desk), body, status)
    assert desk.open_item()["version"] == 1


def test_what_is_booked_is_moved_and_a_blood_test_has_no_appointment(desk: Desk) -> None:
    act(desk, "book", at="2026-03-09T14:30")
    body = {"act": "book", "at": "2026-03-10T09:00"}
    assert desk.refused(path(desk), body) == "It is booked for 2026-03-09 14:30: move it."
    test = f"/items/{desk.world.ids['item_id']}/appointment"
    assert desk.refused(test, body) == "Only a visit that is open has an appointment."
