"""Who is on a medicine and cannot be reached is a person's at once, in whatever order that comes about."""

from datetime import UTC, datetime
from typing import Any

import pytest

from db.engine import writing
from db.tables import EndReason
from service.flows import reach
from tests.service.desk import Desk
from tests.service.operations import World
from tests.stories.conftest import Practice

SMS = {"channel": "sms", "address": "+12025550142"}
YES = {"given": True, "at": "2026-01-04T14:30:00-05:00", "source": "telephone"}
NEW = {
    "protocol": "mercaptopurine-sps",
    "start": "2026-01-03",
}  # begun: no baseline is asked for
WHO = {"mrn": "7", "name": "Bo Invented", "birth_date": "1970-02-03", "time_zone": "America/New_York"}


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def told(desk: Desk) -> list[str]:
    return [row.state.value for row in desk.practice.work if row.kind == reach.KIND]


def test_an_enrolment_before_the_consent_is_a_work_item_until_there_is_one(desk: Desk) -> None:
    who = desk.post("/patients", WHO)["id"]
    assert told(desk) == []
    desk.post(f"/patients/{who}/courses", NEW)
    assert told(desk) == ["open"]
    made = desk.post(f"/patients/{who}/contacts", SMS)
    assert told(desk) == ["open"]
    [contact] = made["contacts"]
    desk.post(f"/contacts/{contact['id']}/consent", YES)
    assert told(desk) == ["done"]


def test_a_consent_before_the_enrolment_is_none(desk: Desk) -> None:
    who = desk.post("/patients", WHO | {"contacts": [SMS | {"consent": YES}]})["id"]
    desk.post(f"/patients/{who}/courses", NEW)
    assert told(desk) == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/contacts/{contact}/consent", YES | {"given": False, "at": "2026-01-05T10:00:00-05:00"}),
        ("/contacts/{contact}/mark", {"bad": True}),
        ("/patients/{patient}/entered-in-error", {"entry": "contact", "reason": "a typing error"}),
    ],
)
def test_it_is_one_when_the_last_contact_goes(desk: Desk, path: str, body: dict[str, Any]) -> None:
    desk.practice.clock.wind(datetime(2026, 1, 5, 15, tzinfo=UTC))
    contact = str(desk.world.ids["contact_id"])
    where = path.format(contact=contact, patient=desk.patient)
    named = {"id": contact} if body.get("entry") else {}
    desk.post(f"/patients/{desk.patient}/contacts", SMS | {"consent": YES})
    desk.post(where, body | named)
    assert told(desk) == []  # another one is left
    second = next(c["id"] for c in desk.get(f"/patients/{desk.patient}")["contacts"] if c["id"] != contact)
    desk.post(path.format(contact=second, patient=desk.patient), body | ({"id": second} if named else {}))
    assert told(desk) == ["open"]


def test_whom_the_provider_does_not_know_is_one_once(desk: Desk) -> None:
    key = desk.practice.clinic_id, desk.world.ids["contact_id"]
    for _ in range(2):
        with writing(desk.practice.engine) as session:
            reach.mark_bad(session, [key], now=desk.practice.clock())
    assert told(desk) == ["open"]
    assert [row.raised for row in desk.practice.work if row.kind == reach.KIND] == [1]


def test_who_has_died_or_takes_nothing_any_more_need_not_be_reached(desk: Desk) -> None:
    who = desk.post("/patients", WHO)["id"]
    desk.post(f"/patients/{who}/courses", NEW)
    died = {"on": "2026-01-04", "reason": EndReason.DIED.value, "confirmed": True}
    desk.post(f"/patients/{desk.patient}/end", died, version=1)
    desk.post(f"/contacts/{desk.world.ids['contact_id']}/mark", {"bad": True})
    assert told(desk) == ["open"]  # the other patient's
