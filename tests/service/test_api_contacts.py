"""Contacts, consent and hours after the patient was entered: what waits follows them at once."""

from datetime import UTC, datetime
from typing import Any

import pytest

from db.tables import AuditEntry, Consent, Reminder
from tests.service.desk import Desk
from tests.service.operations import World
from tests.stories.conftest import Practice

MAIL = {"channel": "email", "address": "ada@example.org"}
YES = {"given": True, "at": "2026-01-04T14:30:00-05:00", "source": "telephone"}


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def contacts(desk: Desk) -> dict[str, tuple[bool | None, bool]]:
    found = desk.get(f"/patients/{desk.patient}")["contacts"]
    return {one["channel"]: (one["consent"], one["bad"]) for one in found}


def change(desk: Desk, version: int = 1, **said: Any) -> Any:
    return desk.ask("PATCH", f"/patients/{desk.patient}", said, version=version)


def waiting(desk: Desk) -> list[Reminder]:
    found = [row for row in desk.practice.reminders if row.decided_at is None and row.track == "patient"]
    assert found
    return found


def test_an_address_is_added_with_its_answer_marked_and_removed(desk: Desk) -> None:
    path = f"/patients/{desk.patient}/contacts"
    made = desk.post(path, MAIL | {"consent": YES})
    assert contacts(desk) == {"sms": (True, False), "email": (True, False)}
    mail = next(one["id"] for one in made["contacts"] if one["channel"] == "email")
    assert "has this contact already" in desk.refused(path, MAIL)
    assert "not an e-mail" in desk.refused(path, MAIL | {"address": "nowhere"}, 422)
    desk.post(f"/contacts/{mail}/mark", {"bad": True})
    assert contacts(desk)["email"] == (True, True)
    desk.post(f"/contacts/{mail}/mark", {"bad": False})
    assert contacts(desk)["email"] == (True, False)
    gone = {"entry": "contact", "id": mail, "reason": "a typing error"}
    desk.post(f"/patients/{desk.patient}/entered-in-error", gone)
    assert contacts(desk) == {"sms": (True, False)}
    actions = [row.action for row in desk.practice.rows(AuditEntry) if row.subject == "patient"]
    assert [one for one in actions if not one.startswith("read")] == [
        "add contact", "mark contact", "mark contact", "entered in error",
    ]  # fmt: skip


def test_H54_consent_is_taken_back_and_every_answer_is_kept(desk: Desk) -> None:
    path = f"/contacts/{desk.world.ids['contact_id']}/consent"
    desk.practice.clock.wind(datetime(2026, 1, 5, 15, tzinfo=UTC))
    now = {"at": "2026-01-05T10:00:00-05:00"}
    desk.post(path, YES | now | {"given": False})
    assert contacts(desk) == {"sms": (False, False)}
    assert "is still to come" in desk.refused(path, YES | {"at": "2026-01-06T00:00:00Z"}, 422)
    assert [row.given for row in desk.practice.rows(Consent, "at")] == [True, False]
    desk.practice.run_until(datetime(2026, 1, 12, tzinfo=UTC))
    assert "suppressed" in {row.state.value for row in desk.practice.reminders if row.track == "patient"}


def test_a_first_carer_gets_the_patients_rungs_from_now_on(desk: Desk) -> None:
    assert "carer" not in {row.track.value for row in desk.practice.reminders}
    desk.post(f"/patients/{desk.patient}/contacts", MAIL | {"audience": "carer", "consent": YES})
    assert "carer" in {row.track.value for row in desk.practice.reminders if row.decided_at is None}


def test_H27_another_zone_moves_what_waits_to_its_morning(desk: Desk) -> None:
    before = waiting(desk)
    answer = change(desk, time_zone="Europe/London")
    assert (answer.status_code, answer.json()["time_zone"]) == (200, "Europe/London")
    after = waiting(desk)
    assert [(row.id, row.rung) for row in after] == [(row.id, row.rung) for row in before]
    assert {(row.zone, f"{row.send_at:%H:%M}") for row in after} == {("Europe/London", "09:00")}


def test_another_hour_moves_what_waits(desk: Desk) -> None:
    change(desk, preferred_time="18:30")
    assert {(row.at_local, f"{row.send_at:%H:%M}") for row in waiting(desk)} == {("18:30", "23:30")}
    change(desk, 2, quiet_start="18:00", quiet_end="19:00", preferred_time="17:00")
    assert {f"{row.send_at:%H:%M}" for row in waiting(desk)} == {"22:00"}
    found = change(desk, 3, quiet_start="none", quiet_end="none").json()
    assert (found["quiet_start"], found["quiet_end"], found["preferred_time"]) == (None, None, "17:00")


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({"preferred_time": "22:00"}, "body.preferred_time"),
        ({"preferred_time": "25:00"}, "body.preferred_time"),
        ({"quiet_start": "none"}, "body.quiet_end"),
        ({"time_zone": "Europe/Nowhere"}, "body.time_zone"),
    ],
)
def test_hours_that_cannot_be_are_refused(desk: Desk, said: dict[str, str], where: str) -> None:
    before = [row.send_at for row in waiting(desk)]
    answer = change(desk, **said)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, where)
    assert [row.send_at for row in waiting(desk)] == before


def test_H56_whose_a_carers_address_is_and_until_when_is_shown(desk: Desk) -> None:
    carer = {"audience": "carer", "channel": "sms", "address": "+12025550102", "consent": YES}
    desk.post(f"/patients/{desk.patient}/contacts", carer | {"relation": "guardian", "ends_on": "2026-05-01"})
    found = {one["audience"]: one for one in desk.get(f"/patients/{desk.patient}")["contacts"]}
    assert (found["carer"]["relation"], found["carer"]["ends_on"]) == ("guardian", "2026-05-01")
    assert (found["patient"]["relation"], found["patient"]["ends_on"]) == (None, None)
