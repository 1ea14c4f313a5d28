"""Protocols over the API: listed, shown whole, and the clinic's own to enrol on."""

import copy
from datetime import date
from typing import Any

import pytest

from db.tables import AuditEntry, UserRole
from schedules import library, protocol
from service.api.protocols import OWN
from service.flows import doctor
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


# ---- a clinic's own


@pytest.fixture
def second(desk: Desk) -> Desk:
    return Desk(desk.world, UserRole.CLINICIAN)


def own(version: int = 1, **keys: Any) -> dict[str, Any]:
    return {"document": copy.deepcopy(OWN) | {"version": version} | keys}


def approve(second: Desk, version: int, hash_: str) -> Any:
    return second.post(f"/protocols/{OWN['id']}/approval", {"version": version, "hash": hash_})


def states(desk: Desk) -> list[tuple[int, str]]:
    every = desk.get("/protocols", every=True)["items"]
    return [(one["version"], one["state"]) for one in every if one["id"] == OWN["id"]]


def test_a_proposed_protocol_is_in_force_once_a_second_person_approves_it(desk: Desk, second: Desk) -> None:
    made = desk.post("/protocols", own())
    assert (made["state"], made["own"], made["approved_by"]) == ("proposed", True, None)
    assert OWN["id"] not in {one["id"] for one in desk.get("/protocols")["items"]}
    course = {"protocol": OWN["id"], "start": "2026-01-02"}
    assert "there is no such protocol" in desk.refused(f"/patients/{desk.patient}/courses", course, 422)
    approved = approve(second, 1, made["hash"])
    assert (approved["state"], approved["proposed_by"], approved["approved_by"]) == (
        "in-force", "own coordinator", "own clinician",
    )  # fmt: skip
    assert desk.post(f"/patients/{desk.patient}/courses", course)["protocol_version"] == 1
    entries = [row for row in desk.practice.rows(AuditEntry, "at", "id") if row.subject == "protocol"]
    assert [(row.actor, row.action) for row in entries] == [
        ("own coordinator", "propose protocol"), ("own clinician", "approve protocol"),
    ]  # fmt: skip


def test_who_proposed_it_cannot_approve_it_nor_can_somebody_unread(desk: Desk, second: Desk) -> None:
    made = second.post("/protocols", own())
    asked = {"version": 1, "hash": made["hash"]}
    path = f"/protocols/{OWN['id']}/approval"
    assert "A second person approves" in second.refused(path, asked)
    admin = Desk(desk.world, UserRole.ADMIN)
    assert "another text's" in admin.refused(path, asked | {"hash": "0" * 64})
    assert desk.ask("POST", path, asked).status_code == 403
    admin.post(path, asked)
    assert "waits for no approval" in admin.refused(path, asked)


def test_H40_a_version_is_never_edited_in_place_and_a_later_one_replaces_it(desk: Desk, second: Desk) -> None:
    first = desk.post("/protocols", own())
    approve(second, 1, first["hash"])
    course = {"protocol": OWN["id"], "start": "2026-01-02"}
    begun = desk.post(f"/patients/{desk.patient}/courses", course)
    changed = own(title="Another text under the same number")
    assert "a change is version 2" in desk.refused("/protocols", changed)
    clocks = [OWN["clocks"][0] | {"phases": [{"every": "P1W"}]}]
    later = desk.post("/protocols", own(2, clocks=clocks))
    assert states(desk) == [(1, "in-force"), (2, "proposed")]
    approve(second, 2, later["hash"])
    assert states(desk) == [(1, "replaced"), (2, "in-force")]
    assert desk.plan(begun["id"]) == begun, "who is enrolled keeps the version"
    assert desk.get(f"/protocols/{OWN['id']}", version=1)["document"] == OWN
    assert desk.get(f"/protocols/{OWN['id']}")["version"] == 2


def test_an_earlier_proposal_cannot_replace_a_later_version(desk: Desk, second: Desk) -> None:
    made = [desk.post("/protocols", own(version)) for version in (1, 2)]
    approve(second, 2, made[1]["hash"])
    asked = {"version": 1, "hash": made[0]["hash"]}
    assert "later version is in force" in second.refused(f"/protocols/{OWN['id']}/approval", asked)


@pytest.mark.parametrize(
    ("keys", "status", "said"),
    [
        ({"id": "azathioprine-us-label"}, 409, "a packaged protocol's"),
        ({"clocks": []}, 422, "body.document.clocks"),
        ({"clokcs": []}, 422, "body.document.clokcs there is no such key"),
        ({"title": "x" * 300_000}, 422, "at most 256 KiB"),
        ({"limits": [OWN["limits"][0] | {"unit": "g"}]}, 422, "body.document.limits.0.unit"),
    ],
)
def test_H41_what_is_no_protocol_is_refused_with_its_key_and_reason(
    desk: Desk, keys: dict[str, Any], status: int, said: str
) -> None:
    assert said in desk.refused("/protocols", own(**keys), status)
    assert states(desk) == []


def test_a_proposal_is_checked_without_being_kept_and_previewed_as_simulate_says(desk: Desk) -> None:
    answer = desk.ask("POST", "/protocols", own(), query={"dry_run": True})
    assert (answer.status_code, answer.json()["state"]) == (200, "proposed")
    assert states(desk) == []
    desk.post("/protocols", own())
    shown = desk.get(f"/protocols/{OWN['id']}/preview", start="2026-01-05", months=2)
    assert [item["due_on"] for item in shown["items"]] == [
        "2026-01-12", "2026-01-19", "2026-01-26", "2026-02-02", "2026-03-02", "2026-03-30",
    ]  # fmt: skip


def test_another_clinics_protocol_is_not_there(desk: Desk, second: Desk) -> None:
    made = desk.post("/protocols", own())
    stranger = Desk(desk.world, UserRole.CLINICIAN)
    stranger._key = desk.world.keys["other", UserRole.CLINICIAN]
    asked = {"version": 1, "hash": made["hash"]}
    for ask in (
        lambda name: stranger.ask("GET", f"/protocols/{name}"),
        lambda name: stranger.ask("GET", f"/protocols/{name}/preview", query={"start": "2026-01-05"}),
        lambda name: stranger.ask("POST", f"/protocols/{name}/approval", asked),
    ):
        theirs, missing = ask(OWN["id"]).json(), ask("nothing-like-it").json()
        assert theirs["status"] == 404
        assert {**theirs, "request_id": ""} == {**missing, "request_id": ""}
    assert states(stranger) == []
    stranger.post("/protocols", own())


def test_H41_a_broken_packaged_file_leaves_the_last_good_version_in_force(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "azathioprine-us-label"
    before = desk.plan()
    broken = protocol.ProtocolError("this is not TOML", where=f"{name}.toml")
    others = {id_: one for id_, one in library.protocols().items() if id_ != name}
    monkeypatch.setattr(library, "_all", lambda: others | {name: broken})
    monkeypatch.setattr(library, "protocols", lambda: others)
    found = doctor.examine(desk.practice.engine, None, now=desk.practice.clock())
    assert [one.sentence for one in found if one.check == "protocols"] == [
        f"A packaged protocol cannot be read: {name}.toml: this is not TOML; clinics keep the last good "
        "version: put the file back."
    ]
    assert desk.get(f"/protocols/{name}")["state"] == "in-force", "the clinic keeps what its courses pin"
    made = desk.post(
        f"/patients/{desk.practice.patient()}/courses", {"protocol": name, "start": "2026-01-02"}
    )
    assert made["items"]
    assert desk.plan() == before
    assert "packaged protocol's" in desk.refused("/protocols", own(id=name))
