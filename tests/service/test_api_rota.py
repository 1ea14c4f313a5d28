"""The rota: set whole by name, read with who can be reached, and its gaps told a week ahead."""

from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from db import staff, work_items
from db.engine import reading, writing
from db.tables import AuditEntry, Channel, UserRole
from service import cli
from service.flows import digests, rota, upkeep, users
from tests.service.desk import Desk
from tests.service.operations import World
from tests.stories.conftest import Practice
from tests.stories.mailed import mailed, send

DAY = timedelta(days=1)


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def shift(rung: str, **said: Any) -> dict[str, Any]:
    plain = {"rung": rung, "person": f"Kim {rung}", "channel": "email", "address": f"{rung}@elm.example"}
    return plain | said


WHOLE = [shift(rung) for rung in ("first", "second", "third", "line")]


def put(desk: Desk, *shifts: Any, version: int = 0) -> Any:
    answer = desk.ask("PUT", "/rota", {"shifts": shifts}, version=version)
    assert answer.status_code == 200, answer.text
    return answer.json()


def gaps(desk: Desk) -> list[str]:
    with reading(desk.practice.engine) as session:
        return [gap.rung for gap in rota.is_covered(session, desk.practice.clinic_id, desk.practice.clock())]


def told(desk: Desk) -> list[tuple[str, str, str]]:
    return [(row.kind, row.level, row.state) for row in desk.practice.work if row.kind == rota.GAP]


def test_a_rota_is_set_whole_and_read_with_its_version(desk: Desk) -> None:
    assert desk.get("/rota")["version"] == 0
    assert {gap["rung"] for gap in desk.get("/rota")["gaps"]} == {"first", "second", "third", "line"}
    found = put(desk, *WHOLE)
    assert (found["version"], found["set_by"], found["gaps"]) == (1, "own coordinator", [])
    assert [(one["person"], one["reachable"]) for one in found["shifts"]] == [
        (f"Kim {rung}", True) for rung in ("first", "second", "third", "line")
    ]
    assert desk.get("/rota") == found
    again = put(desk, shift("first", begins="08:00", ends="18:00", weekdays=[5, 1, 1]), version=1)
    assert again["shifts"][0] | {"address": ""} == shift("first", begins="08:00", ends="18:00") | {
        "address": "", "weekdays": [1, 5], "reachable": True
    }  # fmt: skip
    assert desk.ask("PUT", "/rota", {"shifts": []}, version=1).status_code == 412
    assert [row.action for row in desk.practice.rows(AuditEntry) if row.subject == "rota"] == ["set rota"] * 2


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"address": "nowhere"}, "e-mail"),
        ({"channel": "sms", "address": "555"}, "country"),
        ({"channel": "post"}, "is not valid"),
        ({"begins": "25:00"}, "time"),
        ({"weekdays": [8]}, "less than or equal to 7"),
        ({"rung": "fourth"}, "is not valid"),
    ],
)
def test_what_cannot_be_is_refused(desk: Desk, said: Any, why: str) -> None:
    answer = desk.ask("PUT", "/rota", {"shifts": [shift("first") | said]}, version=0)
    assert answer.status_code == 422
    assert why in answer.text
    assert desk.get("/rota")["version"] == 0


def test_an_address_keeps_its_channel_and_what_else_it_is_mailed(desk: Desk) -> None:
    mailed(desk.practice, "first@elm.example")
    put(desk, shift("first"), shift("second", channel="sms", address="+1 202 555 0109"))
    with reading(desk.practice.engine) as session:
        known = {row.address: row for row in staff.of_clinics(session)}
    assert known["first@elm.example"].alarms
    assert known["+12025550109"].channel is Channel.SMS
    assert not known["+12025550109"].alarms
    answer = desk.ask(
        "PUT", "/rota", {"shifts": [shift("first", channel="chat", address="+12025550109")]}, version=1
    )
    assert "keep to it" in answer.text


def test_another_clinic_does_not_see_it(desk: Desk) -> None:
    put(desk, *WHOLE)
    other = Desk(desk.world)
    other._key = desk.world.keys["other", UserRole.ADMIN]
    assert other.get("/rota")["version"] == 0


def test_H48_a_person_who_was_removed_or_takes_no_mail_leaves_a_gap(desk: Desk) -> None:
    with writing(desk.practice.engine) as session:
        own = {"clinic_id": desk.practice.clinic_id, "by": "a test", "now": desk.practice.clock()}
        users.add(session, "Kim second", UserRole.CLINICIAN, **own)
    put(desk, *WHOLE)
    assert gaps(desk) == []
    with writing(desk.practice.engine) as session:
        users.revoke(session, "Kim second", by="a test", now=desk.practice.clock())
        address = staff.find(session, desk.practice.clinic_id, "third@elm.example")
        assert address is not None
        staff.remove(session, address, now=desk.practice.clock())
        line = staff.find(session, desk.practice.clinic_id, "line@elm.example")
        assert line is not None
        bad = {"clinic_id": desk.practice.clinic_id, "kind": "staff-mail-undeliverable", "role": "admin"}
        bad |= {"level": "24h", "key": f"{rota.BAD}{line.id}", "due_by": desk.practice.clock()}
        work_items.raise_(session, [bad], now=desk.practice.clock())
    assert gaps(desk) == ["second", "third", "line"]
    assert [one["reachable"] for one in desk.get("/rota")["shifts"]] == [True, False, False, False]


def test_H47_a_gap_is_a_work_item_a_week_ahead_and_its_end_when_it_is_mended(desk: Desk) -> None:
    upkeep.tick(desk.practice.engine, desk.practice.clock)
    assert told(desk) == []  # who never set a rota has no gaps in it
    put(desk, *WHOLE)
    assert told(desk) == []
    with writing(desk.practice.engine) as session:
        address = staff.find(session, desk.practice.clinic_id, "third@elm.example")
        assert address is not None
        staff.remove(session, address, now=desk.practice.clock())
    for _ in range(2):
        upkeep.tick(desk.practice.engine, desk.practice.clock)
    assert told(desk) == [(rota.GAP, "24h", "open")]
    assert [row.raised for row in desk.practice.work if row.kind == rota.GAP] == [1]
    put(desk, *WHOLE, version=1)
    assert told(desk) == [(rota.GAP, "24h", "done")]


@pytest.mark.parametrize("whole", [True, False])
def test_H47_the_digest_says_whether_the_rota_is_covered(desk: Desk, whole: bool) -> None:
    box = mailed(desk.practice, "desk@elm.example")
    put(desk, *WHOLE[: 4 if whole else 3])
    desk.practice.clock.wind(desk.practice.clock() + DAY)
    digests.plan(desk.practice.engine, now=desk.practice.clock())
    send(desk.practice)
    body = next(letter.body for _, letter in box.letters if "The rota" in letter.body)
    assert f"The rota's hours without a reachable person, next 7 days: {0 if whole else 168}" in body


def test_the_command_line_shows_it(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    put(desk, shift("first", begins="08:00", ends="18:00"))
    address = desk.practice.engine.url.render_as_string(hide_password=False)
    shown = CliRunner().invoke(cli.app, ["rota", "show", "--clinic", "Elm Street", "--database", address])
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("Elm Street: first: Kim first, email first@elm.example, Mon Tue Wed")
    assert any("line: nobody from" in line for line in lines)
