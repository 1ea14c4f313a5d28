"""Patients over the API: entered once, found, read with a trace, changed by who read the newest version."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from db.tables import AuditEntry, Consent, Contact, Patient, StoredAnswer, UserRole
from service.api.patients import EXAMPLE
from tests.service.operations import OWN, World, count
from tests.stories.conftest import Practice


@pytest.fixture
def world(practice: Practice) -> World:
    return World(practice)


def ask(world: World, method: str, path: str, *, body: Any = None, **headers: str) -> Any:
    key = {"Authorization": f"Bearer {world.keys[OWN, UserRole.COORDINATOR]}"}
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return world.client.request(method, f"/v1/patients{path}", json=body, headers=key | names)


def create(world: World, key: str = "k1", **changes: Any) -> Any:
    return ask(world, "POST", "", body=EXAMPLE | changes, Idempotency_Key=key)


def test_a_patient_is_entered_with_contacts_and_consent(world: World) -> None:
    answer = create(world)
    assert answer.status_code == 201
    found = answer.json()
    assert found["name"] == "Ada Invented"
    assert [(one["channel"], one["address"], one["consent"]) for one in found["contacts"]] == [
        ("sms", "+12025550101", True)
    ]
    assert answer.headers["etag"] == '"1"'
    assert ask(world, "GET", answer.headers["location"].removeprefix("/v1/patients")).json() == found


def test_a_contact_that_nobody_asked_has_no_consent(world: World) -> None:
    found = create(world, contacts=[{"channel": "email", "address": "ada@example.org"}]).json()
    assert [one["consent"] for one in found["contacts"]] == [None]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"birth_date": "2026-01-06"}, "body.birth_date"),
        ({"time_zone": "Europe/Nowhere"}, "body.time_zone"),
        ({"contacts": [{"channel": "sms", "address": "02025550101"}]}, "body.contacts.0.address"),
        ({"contacts": [{"channel": "worklist", "address": "x"}]}, "body.contacts.0"),
        (
            {"contacts": [{"channel": "sms", "address": "+12025550101", "audience": "prescriber"}]},
            "body.contacts.0",
        ),
        ({"name": "a\u0000b"}, "body.name"),
        ({"mrn": "  "}, "body.mrn"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place_and_writes_nothing(
    world: World, changes: dict[str, Any], where: str
) -> None:
    answer = create(world, **changes)
    assert (answer.status_code, [error["loc"] for error in answer.json()["errors"]]) == (422, [where])
    assert count(world.practice.engine, Patient, StoredAnswer) == 1


def test_sent_again_it_happens_once_and_answers_the_same(world: World) -> None:
    first, again = create(world), create(world)
    assert (again.status_code, again.content) == (201, first.content)
    assert (first.headers["etag"], first.headers["location"]) == (
        again.headers["etag"],
        again.headers["location"],
    )
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert count(world.practice.engine, Patient) == 2


def test_a_key_with_another_body_is_refused(world: World) -> None:
    create(world)
    answer = create(world, mrn="another")
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, "header.Idempotency-Key")
    assert count(world.practice.engine, Patient) == 2


def test_what_was_refused_may_be_sent_again_under_its_key(world: World) -> None:
    assert create(world, time_zone="Europe/Nowhere").status_code == 422
    assert create(world).status_code == 201


def test_H44_fifty_at_once_enter_one_patient(world: World) -> None:
    with ThreadPoolExecutor(8) as at_once:
        answers = list(at_once.map(lambda number: create(world, f"k{number % 5}"), range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert count(world.practice.engine, Patient) == 2
    assert count(world.practice.engine, Contact) == count(world.practice.engine, Consent) == 2


def test_a_number_is_one_patients(world: World) -> None:
    create(world)
    for key, changes in (("k2", {}), ("k3", {"name": "Somebody Else"})):
        answer = create(world, key, **changes)
        assert (answer.status_code, answer.json()["detail"]) == (
            409,
            "The clinic has a patient with this number.",
        )


def test_a_change_names_the_version_it_changes(world: World) -> None:
    path = f"/{create(world).json()['id']}"
    assert ask(world, "PATCH", path, body={"name": "Ada Changed"}).status_code == 428
    changed = ask(world, "PATCH", path, body={"name": "Ada Changed"}, If_Match='"1"')
    assert (changed.status_code, changed.headers["etag"], changed.json()["name"]) == (
        200,
        '"2"',
        "Ada Changed",
    )
    for stale in ('"1"', 'W/"2"', "*", '"9999999999999"', '"-1"', ""):
        assert ask(world, "PATCH", path, body={"name": "Lost"}, If_Match=stale).status_code == 412, stale
    assert ask(world, "GET", path).json() == changed.json()


def test_of_two_changes_at_once_one_is_told_to_read_again(world: World) -> None:
    path = f"/{create(world).json()['id']}"
    with ThreadPoolExecutor(6) as at_once:
        names = [f"Ada {number}" for number in range(6)]
        found = list(
            at_once.map(lambda name: ask(world, "PATCH", path, body={"name": name}, If_Match='"1"'), names)
        )
    assert sorted(answer.status_code for answer in found) == [200, *[412] * 5]


def test_a_number_cannot_be_changed_to_another_patients(world: World) -> None:
    create(world)
    path = f"/{create(world, 'k2', mrn='another').json()['id']}"
    assert ask(world, "PATCH", path, body={"mrn": EXAMPLE["mrn"]}, If_Match='"1"').status_code == 409


def test_a_change_of_nothing_is_refused(world: World) -> None:
    path = f"/{create(world).json()['id']}"
    for body in ({}, {"name": None}):
        assert ask(world, "PATCH", path, body=body, If_Match='"1"').status_code == 422


def test_who_wrote_and_who_read_a_patient_is_kept(world: World) -> None:
    path = f"/{create(world).json()['id']}"
    ask(world, "GET", path)
    ask(world, "PATCH", path, body={"name": "Ada Changed"}, If_Match='"1"')
    ask(world, "PATCH", path, body={"name": "Lost"}, If_Match='"1"')
    entries = [row for row in world.practice.rows(AuditEntry) if f"/{row.subject_id}" == path]
    assert [(row.actor, row.action) for row in entries] == [
        ("own coordinator", f"{verb} patient") for verb in ("create", "read", "change")
    ]
    assert entries[-1].detail == {"columns": ["name"]}


def test_patients_are_found_by_number_or_name_page_by_page(world: World) -> None:
    for number in range(5):
        create(world, f"k{number}", mrn=f"n{number}", name=f"Ada No{number}")
    assert [one["mrn"] for one in search(world, mrn="n3")["items"]] == ["n3"]
    assert search(world, name="%")["items"] == []
    seen, cursor = [], None
    while True:
        page = search(world, name="ada no", limit=2, cursor=cursor)
        seen += [one["mrn"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["items"]) == 2
    assert seen == ["n0", "n1", "n2", "n3", "n4"]


def search(world: World, **body: Any) -> Any:
    answer = ask(world, "POST", "/search", body=body)
    assert answer.status_code == 200
    return answer.json()
