"""Moves to another version over the API and on the command line: dry run by default, a second person."""

import copy
from datetime import date
from typing import Any

import pytest

from db.tables import CourseVersion, UserRole
from service.api.protocols import OWN
from service.cli import main
from service.flows import moves
from tests.service.desk import Desk
from tests.service.operations import World
from tests.stories.conftest import Practice

ID = OWN["id"]


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


@pytest.fixture
def second(desk: Desk) -> Desk:
    return Desk(desk.world, UserRole.CLINICIAN)


def in_force(desk: Desk, second: Desk, version: int, **keys: Any) -> None:
    made = desk.post("/protocols", {"document": copy.deepcopy(OWN) | {"version": version} | keys})
    second.post(f"/protocols/{ID}/approval", {"version": version, "hash": made["hash"]})


@pytest.fixture
def course(desk: Desk, second: Desk) -> Any:
    """On version 1, while version 2 with another rhythm is in force."""
    in_force(desk, second, 1)
    made = desk.post(f"/patients/{desk.patient}/courses", {"protocol": ID, "start": "2026-01-03"})
    in_force(desk, second, 2, clocks=[OWN["clocks"][0] | {"phases": [{"every": "P5D"}]}])
    return made["id"]


BODY = {"from": f"{ID}@1", "to": ID}


def test_a_move_is_looked_at_proposed_approved_and_carried_out(desk: Desk, second: Desk, course: Any) -> None:
    seen = desk.ask("POST", "/moves", BODY, query={"dry_run": True})
    assert seen.status_code == 200
    assert seen.json()["summary"].startswith("1 courses: 1 earlier")
    [one] = seen.json()["courses"]
    [change] = one["changes"]
    assert (change["was_due_on"], change["due_on"]) == ("2026-01-10", "2026-01-08")
    made = desk.post("/moves", BODY)
    assert {name: made[name] for name in seen.json()} == seen.json()
    assert desk.ask("POST", f"/moves/{made['id']}/approval").status_code == 403
    assert second.post(f"/moves/{made['id']}/approval", None)["remaining"] == 1
    moves.tick(desk.practice.engine, desk.practice.clock)
    shown = desk.get(f"/moves/{made['id']}")
    assert (shown["from"], shown["to"]) == (f"{ID}@1", f"{ID}@2")
    assert (shown["moved"], shown["remaining"], shown["refused"]) == (1, 0, [])
    plan = desk.plan(course)
    assert (plan["protocol_version"], plan["items"][-1]["due_on"]) == (2, change["due_on"])
    [former] = plan["earlier"]
    assert (former["protocol_version"], former["until"]) == (1, "2026-01-04")


def test_who_proposed_a_move_cannot_approve_it(desk: Desk, second: Desk, course: Any) -> None:
    made = second.post("/moves", BODY)
    assert "A second person" in second.refused(f"/moves/{made['id']}/approval", None)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"from": f"{ID}@9", "to": ID}, 404, "nothing at this address"),
        ({"from": ID, "to": f"{ID}@2"}, 409, "the same version"),
        ({"from": ID, "to": "mercaptopurine-sps"}, 409, "of two medicines"),
    ],
)
def test_a_move_that_cannot_be_is_refused(
    desk: Desk, course: Any, body: dict[str, str], status: int, said: str
) -> None:
    assert said in desk.refused("/moves", body, status)


def test_the_command_shows_each_patient_and_moves_nobody_before_a_second_person_approves(
    desk: Desk, course: Any, database: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    there = ["--clinic", "Elm Street", "--database", database.render_as_string(hide_password=False)]
    asked = ["protocols", "move", f"{ID}@1", ID]
    assert main([*asked, *there]) == 0
    shown = capsys.readouterr().out
    assert f"{desk.patient}  blood-count 2026-01-10 → 2026-01-" in shown
    assert "1 courses: 1 earlier" in shown
    assert "dry run: nothing is kept" in shown
    assert main([*asked, "--by", "Dana Reyes", *there]) == 0
    move_id = capsys.readouterr().out.rpartition("approve-move ")[2].split()[0]
    assert main(["protocols", "approve-move", move_id, "--by", "dana reyes", *there]) == 2
    assert "second person" in capsys.readouterr().err
    assert desk.practice.rows(CourseVersion) == []
    assert main(["protocols", "approve-move", move_id, "--by", "Ana Ruiz", *there]) == 0
    assert capsys.readouterr().out == "1 courses moved, 0 refused, 0 remain.\n"
    assert [row.by for row in desk.practice.rows(CourseVersion)] == ["Ana Ruiz"]
    assert main(["protocols", "move", "nothing-like-it", ID, *there]) == 2
    assert "no such protocol" in capsys.readouterr().err
    assert date(2026, 1, 4) <= desk.practice.rows(CourseVersion)[0].on
