"""The same request twice at once: in one process, in two that share a database, in two real ones."""

import json
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from db.engine import make_engine, writing
from db.tables import Contact, Patient, UserRole
from service.api.patients import EXAMPLE
from service.app import create_app
from service.clock import WoundClock
from service.flows import patients, users
from tests.service.operations import OWN, World, count
from tests.service.test_cli_running import address_in, running
from tests.stories.conftest import Practice

UNDER_WAY = "A request with this Idempotency-Key is under way."
SOON = 20


@pytest.fixture
def world(practice: Practice) -> World:
    return World(practice)


class Slow:
    """A creation that stays in its transaction until it is let go."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.begun, self.goes_on, self._whole = threading.Event(), threading.Event(), patients.create
        patch.setattr(patients, "create", self)

    def __call__(self, *given: Any, **more: Any) -> Any:
        self.begun.set()
        assert self.goes_on.wait(SOON)
        return self._whole(*given, **more)


def create(world: World, client: TestClient) -> Any:
    headers = {"Authorization": f"Bearer {world.keys[OWN, UserRole.COORDINATOR]}", "Idempotency-Key": "k"}
    return client.post("/v1/patients", json=EXAMPLE, headers=headers)


def test_while_the_first_is_under_way_the_second_is_told_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(monkeypatch)
    with ThreadPoolExecutor(1) as at_once:
        first = at_once.submit(create, world, world.client)
        assert slow.begun.wait(SOON)
        second = create(world, world.client)
        slow.goes_on.set()
    assert (second.status_code, second.json()["detail"]) == (409, UNDER_WAY)
    assert first.result().status_code == 201
    assert create(world, world.client).content == first.result().content
    assert count(world.practice.engine, Patient) == 2


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_another_process_is_told_by_the_database(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slow, practice = Slow(monkeypatch), world.practice
    engine = make_engine(practice.engine.url)
    other = TestClient(create_app(engine, practice.clock), base_url="http://localhost")
    with ThreadPoolExecutor(1) as at_once:
        first = at_once.submit(create, world, world.client)
        assert slow.begun.wait(SOON)
        second = create(world, other)
        slow.goes_on.set()
    assert (second.status_code, second.json()["detail"]) == (409, UNDER_WAY)
    assert create(world, other).content == first.result().content
    assert count(practice.engine, Patient) == 2
    engine.dispose()


# ---- real processes


def ask(address: str, key: str, name: str) -> tuple[int, Any, Any]:
    """Status, body and headers of a creation under the key `name`."""
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": name, "Content-Type": "application/json"}
    request = urllib.request.Request(f"{address}v1/patients", json.dumps(EXAMPLE).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=SOON) as answer:
            return answer.status, json.load(answer), answer.headers
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error), error.headers


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_H44_two_processes_on_one_database_make_one_patient_and_count_by_themselves(
    engine: Engine, tmp_path: Path
) -> None:
    practice = Practice(engine, WoundClock(datetime.now(UTC)))
    practice.open("America/New_York")
    who = {"clinic_id": practice.clinic_id, "by": "a test", "now": practice.clock()}
    with writing(engine) as session:
        key = users.add(session, "Dana Reyes", UserRole.COORDINATOR, **who)
    given = {"NEXTCOUNT_DATABASE_URL": engine.url.render_as_string(hide_password=False)}
    with ExitStack() as both:
        logs = []
        for name in ("one", "two"):
            (folder := tmp_path / name).mkdir()
            logs.append(
                both.enter_context(running("serve", "--no-worker", "--port", "0", cwd=folder, **given))[1]
            )
        addresses = [address_in(log) for log in logs]
        with ThreadPoolExecutor(8) as at_once:
            answers = list(at_once.map(lambda n: ask(addresses[n % 2], key, f"k{n // 2 % 5}"), range(50)))
        assert {status for status, _, _ in answers} <= {201, 409}
        assert len({body["id"] for status, body, _ in answers if status == 201}) == 1
        left = [int(ask(address, key, "k")[2]["RateLimit-Remaining"]) for address in addresses]
    assert count(engine, Patient) == count(engine, Contact) == 1
    assert all(270 <= remaining < 300 for remaining in left)  # of 300 each has given away its own half
