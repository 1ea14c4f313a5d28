"""What holds for every answer: its headers, its id, how it fails, and what a log may hold of it."""

import io
import json
from datetime import timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from db import migrations
from db.engine import make_engine, writing
from service import app as web
from service.cli import logs
from service.clock import WoundClock
from service.deps import House
from service.flows import health, overdue
from tests.service.conftest import NOW, beat, enrol
from tests.stories.conftest import Practice

PAGES = ["/", "/overdue", "/work", "/outbox"]
READS = [*PAGES, "/health/live", "/health/ready", "/v1/overdue", "/v1/outbox", "/v1/openapi.json"]


@pytest.mark.parametrize("address", [*READS, "/static/style.css", "/nothing", "/v1/overdue?clinic=x"])
def test_no_answer_is_kept_framed_or_told_to_others(client: TestClient, address: str) -> None:
    headers = client.get(address).headers
    assert headers["cache-control"] == "no-store"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert "set-cookie" not in headers


def test_a_request_keeps_its_id_or_is_given_one(client: TestClient) -> None:
    assert (
        client.get("/", headers={"X-Request-ID": "from-a.proxy_1"}).headers["x-request-id"]
        == "from-a.proxy_1"
    )
    given = [client.get("/", headers={"X-Request-ID": "Ann Smith"}).headers["x-request-id"] for _ in range(2)]
    assert "Ann" not in given[0]
    assert given[0] != given[1]


@pytest.mark.parametrize("host", ["localhost", "localhost:8400", "127.0.0.1:8400", "[::1]:8400", "[::1]"])
def test_on_loopback_it_answers_to_the_names_of_loopback(client: TestClient, host: str) -> None:
    assert client.get("/health/live", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8400", "127.0.0.1.nip.example", ""])
def test_another_name_that_leads_here_reads_nothing(client: TestClient, host: str) -> None:
    answer = client.get("/overdue", headers={"Host": host})
    assert answer.status_code == 421
    assert answer.headers["content-type"] == "application/problem+json"


def test_behind_a_proxy_any_name_will_do(practice: Practice) -> None:
    app = web.create_app(practice.engine, practice.clock, hosts=None)
    assert TestClient(app, base_url="http://clinic.example").get("/health/live").status_code == 200


@pytest.mark.parametrize(
    ("method", "address", "status"),
    [
        ("GET", "/nothing", 404),
        ("GET", "/static/nothing", 404),
        ("GET", "/static/../settings.py", 404),
        ("POST", "/", 405),
        ("DELETE", "/v1/overdue", 405),
        ("GET", "/v1/schedules/preview", 405),
        ("GET", "/v1/overdue?clinic=Ann%20Smith", 422),
        ("GET", "/v1/overdue?limit=0", 422),
        ("GET", "/v1/outbox?cursor=Ann%20Smith", 422),
        ("GET", "/outbox?cursor=Ann%20Smith", 422),
        ("GET", f"/outbox?cursor={'9' * 17}-{'0' * 32}", 200),
        ("GET", f"/outbox?cursor={'9' * 18}-{'0' * 32}", 422),
    ],
)
def test_what_cannot_be_done_is_a_problem_that_repeats_nothing(
    client: TestClient, method: str, address: str, status: int
) -> None:
    answer = client.request(method, address)
    assert answer.status_code == status
    if status != 200:
        problem = answer.json()
        assert answer.headers["content-type"] == "application/problem+json"
        assert problem["status"] == status
        assert problem["request_id"] == answer.headers["x-request-id"]
        assert "Ann" not in answer.text


def test_a_failure_of_ours_tells_the_client_nothing_and_the_log_where(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, logged: io.StringIO
) -> None:
    def fail(*args: object, **keywords: object) -> None:
        raise RuntimeError("Ann Smith, +12025550101")

    monkeypatch.setattr(overdue, "ranked", fail)
    answer = client.get("/v1/overdue?clinic=018f0000-0000-7000-8000-000000000000")
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    written = logged.getvalue()
    assert "Ann" not in answer.text + written
    assert "RuntimeError at " in written
    assert "018f0000" not in written
    lines = [line for line in map(json.loads, written.splitlines()) if line["logger"] == "service.app"]
    assert {line["request_id"] for line in lines} == {answer.headers["x-request-id"]}
    assert lines[-1]["route"] == "/v1/overdue"


def test_a_database_that_is_gone_is_not_our_failure(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: object, **keywords: object) -> None:
        raise sa.exc.OperationalError("SELECT 'Ann Smith'", {}, Exception("gone"))

    monkeypatch.setattr(overdue, "ranked", gone)
    answer = client.get("/v1/overdue")
    assert (answer.status_code, answer.json()["detail"]) == (503, "The database cannot be reached.")
    assert "Ann" not in answer.text


def test_alive_does_not_ask_the_database(practice: Practice) -> None:
    app = web.create_app(practice.engine, practice.clock)
    app.state.house = House(None, practice.clock, True)  # type: ignore[arg-type]
    assert TestClient(app, base_url="http://localhost").get("/health/live").json() == {"status": "alive"}


def test_ready_while_every_loop_gives_signs_of_life(client: TestClient, practice: Practice) -> None:
    beat(practice, ago=timedelta(seconds=90))
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["oldest_due_at"] is None


def test_not_ready_before_the_first_sign_of_life(client: TestClient) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    said = [f"{what} never been checked: start nextcount worker." for what in health.WHAT.values()]
    assert [error["msg"] for error in answer.json()["errors"]] == said


def test_not_ready_once_a_loop_is_silent_for_more_than_ninety_seconds(
    client: TestClient, practice: Practice
) -> None:
    beat(practice, ago=timedelta(seconds=91))
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "Reminders have not been checked since 2026-01-04 23:58 UTC" in answer.json()["detail"]
    assert answer.headers["retry-after"] == "5"


def test_not_ready_while_the_loop_lives_but_does_not_send(client: TestClient, practice: Practice) -> None:
    enrol(practice, "Ada Invented")
    [first] = {message.send_at for message in practice.messages if message.audience == "patient"}
    practice.clock.wind(first + timedelta(minutes=15))
    beat(practice)
    assert client.get("/health/ready").status_code == 200
    practice.clock.wind(first + timedelta(minutes=15, seconds=1))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        f"A message has been due since {first:%Y-%m-%d %H:%M} UTC and has not gone out.",
    )


def test_not_ready_on_a_database_of_another_revision(practice: Practice, client: TestClient) -> None:
    beat(practice)
    with writing(practice.engine) as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["detail"]) == (
        503,
        f"The database is at revision 0000, this program needs {migrations.head()}: run nextcount migrate.",
    )


def test_not_ready_without_a_database() -> None:
    engine = make_engine("sqlite:////nowhere/at/all.db")
    client = TestClient(web.create_app(engine, WoundClock(NOW)), base_url="http://localhost")
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["detail"]) == (503, "The database cannot be reached.")


def test_the_documentation_loads_nothing_from_elsewhere(client: TestClient) -> None:
    assert [client.get(address).status_code for address in ("/docs", "/redoc")] == [404, 404]


def test_logs_hold_no_name_number_medicine_or_question(
    client: TestClient, practice: Practice, logged: io.StringIO
) -> None:
    enrol(practice, "Zephyrine Quillfeather")
    practice.run_until(NOW)
    for address in [*READS, "/overdue?clinic=Zephyrine", "/Zephyrine", "/v1/outbox?cursor=Zephyrine"]:
        client.get(address)
    client.post("/v1/schedules/preview", json={"Zephyrine": "azathioprine"})
    written = logged.getvalue()
    assert written.count("\n") >= len(READS)
    for word in ("Zephyrine", "2025550101", "azathioprine", "Elm Street", "clinic="):
        assert word not in written


def test_a_log_lets_a_value_through_by_what_it_is_and_a_text_by_its_name() -> None:
    id_ = UUID(int=1)
    event = {
        "event": "sent",
        "count": 3,
        "message": str(id_),
        "clinic_id": id_,
        "name": "Ann",
        "body": {"a": 1},
    }
    assert logs.redact(None, "info", event) == {
        "event": "sent", "count": 3, "message": str(id_), "clinic_id": id_,
        "name": "[left out]", "body": "[left out]",
    }  # fmt: skip


@pytest.mark.parametrize(
    "address", ["/", "/overdue", "/outbox", "/v1/overdue", "/health/ready", "/health/live"]
)
def test_a_head_is_the_get_without_its_body(client: TestClient, address: str) -> None:
    head, get = client.head(address), client.get(address)
    assert (head.status_code, head.content) == (get.status_code, b"")
    assert head.headers["content-type"] == get.headers["content-type"]
