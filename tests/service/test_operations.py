"""What holds for every operation of the OpenAPI, those to come included: who may, what is documented."""

import io
from uuid import uuid4

import pytest

from db.tables import UserRole
from service import pages
from service.auth import policy
from service.pages import patients, work
from tests.service.operations import CANARY, HOUSE, OTHER, OWN, PROBLEM, Operation, World
from tests.stories.conftest import Practice

DONE_BEFORE = (409, 412)  # the example was created, or its version changed, by the role before

PAGES = [*pages.router.routes, *patients.router.routes, *work.router.routes]


@pytest.fixture
def world(practice: Practice) -> World:
    return World(practice).twice()


def guarded(world: World) -> list[Operation]:
    return [operation for operation in world.operations if not operation.is_public]


def test_there_are_few_operations_and_each_has_its_row(world: World) -> None:
    ids = [operation.id for operation in world.operations]
    assert len(set(ids)) == len(ids)
    assert sum(operation.path.startswith("/v1/") for operation in world.operations) <= policy.MOST
    assert {operation.id for operation in world.operations} <= policy.TABLE.keys() | policy.PUBLIC
    assert not policy.TABLE.keys() & policy.PUBLIC


def test_every_row_of_the_policy_is_an_operation(world: World) -> None:
    pages = {route.operation_id for route in PAGES}
    assert {"front_page", "patient_opens"} <= pages
    assert policy.TABLE.keys() | policy.PUBLIC == {operation.id for operation in world.operations} | pages


def test_every_operation_says_what_it_is_and_how_it_fails(world: World) -> None:
    for operation in world.operations:
        said = operation.said
        assert said["tags"], operation.id
        assert said["description"], operation.id
        assert any(status < "300" for status in said["responses"]), operation.id
        failures = {int(status): answer for status, answer in said["responses"].items() if status >= "400"}
        assert failures.keys() >= expected(operation), operation.id
        assert all("example" in answer["content"][PROBLEM] for answer in failures.values()), operation.id


def expected(operation: Operation) -> set[int]:
    found = {429}
    if not operation.is_public:
        found |= {401, 403}
    if "{" in operation.path:
        found |= {404, 422}
    if "requestBody" in operation.said:
        assert operation.body is not None
        found |= {400, 413, 415, 422}
    if "Idempotency-Key" in operation.names:
        found |= {409, 422}
    if operation.method in ("PATCH", "PUT", "DELETE"):
        assert "If-Match" in operation.names, operation.id
        found |= {412, 428}
    if operation.method == "POST" and "201" in operation.said["responses"]:
        assert "Idempotency-Key" in operation.names, operation.id
    return found


@pytest.mark.parametrize("credential", [None, "", "nc_000000000000.x", "Basic abc", "\u00e9".encode()])
def test_a_stranger_is_turned_away_everywhere(world: World, credential: str | bytes | None) -> None:
    """Before the body is read: what was sent is not looked at."""
    headers = {} if credential is None else {"Authorization": credential}
    for operation in guarded(world):
        for body in (operation.body, {"name": CANARY}):
            answer = world.call(operation, headers=headers, body=body)
            assert answer.status_code == 401, operation.id
            assert answer.headers["content-type"] == PROBLEM
            assert answer.headers["www-authenticate"] == "Bearer"
            assert CANARY not in answer.text


@pytest.mark.parametrize("place", [OWN, HOUSE])
def test_each_role_may_do_what_the_table_says_and_nothing_else(
    world: World, place: str, logged: io.StringIO
) -> None:
    for operation in guarded(world):
        row = policy.TABLE[operation.id]
        for role in UserRole:
            query = world.of_house(operation) if place == HOUSE else None
            answer = world.call(operation, world.keys[place, role], query=query)
            if role in (row.clinic if place == OWN else row.house):
                assert answer.is_success or answer.status_code in DONE_BEFORE, (operation.id, answer.text)
            else:
                assert (answer.status_code, answer.headers["content-type"]) == (403, PROBLEM), operation.id
            assert answer.is_success or CANARY not in answer.text
            assert "Zephyrine" not in str(answer.url)
    for word in ("Zephyrine", "Ada", "2025550101", "Elm Street", "Bearer", "nc_"):
        assert word not in logged.getvalue()


def names_a_row(operation: Operation) -> bool:
    """Of one clinic: packaged protocols are everybody's."""
    return "{" in operation.path and "{protocol_id}" not in operation.path


def test_another_clinics_row_answers_byte_for_byte_like_a_missing_one(world: World) -> None:
    asked = 0
    for operation in (operation for operation in guarded(world) if names_a_row(operation)):
        missing = dict.fromkeys(world.ids, uuid4())
        for role in policy.TABLE[operation.id].clinic:
            same = {"headers": {"X-Request-ID": "same"}}
            found = [
                world.call(operation, world.keys[OTHER, role], ids=ids, **same)
                for ids in (world.ids, missing)
            ]
            assert [answer.status_code for answer in found] == [404, 404], operation.id
            assert found[0].content == found[1].content
            asked += 1
    assert asked


def test_a_clinic_can_not_be_named_with_another_clinics_key(world: World) -> None:
    for operation in (operation for operation in guarded(world) if "clinic" in operation.names):
        for role in policy.TABLE[operation.id].clinic:
            key, same = world.keys[OTHER, role], {"X-Request-ID": "same"}
            found = [
                world.call(operation, key, query={"clinic": str(clinic)}, headers=same)
                for clinic in (world.practice.clinic_id, uuid4())
            ]
            assert [answer.status_code for answer in found] == [404, 404], operation.id
            assert found[0].content == found[1].content


def test_no_list_shows_another_clinics_patient(world: World) -> None:
    for operation in guarded(world):
        for role in policy.TABLE[operation.id].clinic:
            answer = world.call(operation, world.keys[OTHER, role])
            assert CANARY not in answer.text, operation.id


def test_an_operation_without_a_row_cannot_be_called(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy, "TABLE", {})
    for operation in guarded(world):
        for role in UserRole:
            assert world.call(operation, world.keys[OWN, role]).status_code == 403, operation.id


def test_health_and_the_description_need_no_key(world: World) -> None:
    for address in ("/health/live", "/v1/openapi.json", "/static/style.css", "/sign-in"):
        assert world.client.get(address).status_code == 200
    assert {operation.id for operation in world.operations if operation.is_public} <= policy.PUBLIC
