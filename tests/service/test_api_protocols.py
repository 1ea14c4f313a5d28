"""Protocols over the API: listed, shown whole, and the clinic's own to enrol on."""

from datetime import date

import pytest

from schedules import library, protocol
from tests.service.desk import Desk
from tests.service.operations import World
from tests.service.test_reports import a_protocol
from tests.stories.conftest import Practice


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def test_every_packaged_protocol_is_listed_and_shown_as_it_is_read(desk: Desk) -> None:
    found = {one["id"]: one for one in desk.get("/protocols")["items"]}
    assert found.keys() == library.protocols().keys()
    shown = desk.get("/protocols/azathioprine-us-label")
    assert protocol.build(shown["document"]).hash == shown["hash"] == found[shown["id"]]["hash"]
    assert desk.ask("GET", "/protocols/nothing-like-it").status_code == 404


def test_a_clinics_own_protocol_is_its_own_alone(desk: Desk) -> None:
    other = desk.practice.patient(name="Bo Invented")
    desk.practice.course(other, a_protocol(), date(2025, 12, 1))
    assert "four-weekly" in {one["id"] for one in desk.get("/protocols")["items"]}
    made = desk.post(f"/patients/{desk.patient}/courses", {"protocol": "four-weekly", "start": "2026-01-02"})
    assert [item["due_on"] for item in made["items"]] == ["2026-01-30"]
    desk._key = desk.world.keys["other", next(role for place, role in desk.world.keys if place == "other")]
    assert "four-weekly" not in {one["id"] for one in desk.get("/protocols")["items"]}
