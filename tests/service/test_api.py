"""The JSON: who is overdue, what was said, and the preview of a protocol."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.engine import make_engine
from schedules import library, simulate
from service.app import create_app
from service.clock import WoundClock
from service.deps import SignIn
from service.errors import Problem
from service.flows import preview
from tests.service.conftest import NOW, STARTED, enrol
from tests.stories.conftest import Practice

NAUGHTY = json.loads(Path(__file__).parents[1].joinpath("data", "blns", "blns.json").read_text("utf-8"))
BODY: dict[str, Any] = {
    "until": "2026-04-30",
    "patient": {"time_zone": "America/New_York"},
    "courses": [{"protocol": "azathioprine-us-label", "start": "2026-01-05"}],
    "tests": "on-due",
}


# ---- who is overdue


def test_nobody_is_overdue_in_an_empty_clinic(client: TestClient) -> None:
    assert client.get("/v1/overdue").json() == {"as_of": "2026-01-05T00:00:00Z", "count": 0, "items": []}


def test_who_is_overdue_is_listed_with_reasons_and_a_phone(client: TestClient, practice: Practice) -> None:
    enrol(practice, "Ada Invented")
    practice.clock.wind(datetime(2026, 1, 16, 15, tzinfo=UTC))
    [one] = client.get("/v1/overdue").json()["items"]
    assert one["name"] == "Ada Invented"
    assert one["clinic"] == "Elm Street"
    assert one["phones"] == ["+12025550101"]
    assert (one["state"], one["due_on"], one["days_overdue"]) == ("overdue", "2026-01-12", 4)
    assert one["reasons"] == [
        "The blood test was due on 2026-01-12, 4 days ago.",
        "The medicine is being started: the phase of close tests is not over.",
    ]


@pytest.mark.parametrize(("day", "state"), [(15, None), (16, "overdue"), (18, "overdue"), (19, "lapsed")])
def test_days_are_the_patients_own(
    client: TestClient, practice: Practice, day: int, state: str | None
) -> None:
    """Due on the 12th, on time to the 15th, lapsed from the 19th; asked as Auckland's day has just begun."""
    enrol(practice, "Ada Invented", zone="Pacific/Auckland")
    practice.clock.wind(datetime(2026, 1, day - 1, 11, tzinfo=UTC))
    found = [one["state"] for one in client.get("/v1/overdue").json()["items"]]
    assert found == ([] if state is None else [state])


def test_whom_no_reminder_reaches_comes_first(client: TestClient, practice: Practice) -> None:
    enrol(practice, "Ada Invented")
    enrol(practice, "Bo Silent", consent=False)
    practice.clock.wind(NOW)
    answer = client.get("/v1/overdue?limit=1").json()
    assert (answer["count"], [one["name"] for one in answer["items"]]) == (2, ["Bo Silent"])
    assert "No reminder reaches the patient: no contact with consent." in answer["items"][0]["reasons"]


def test_a_count_beyond_a_limit_is_a_reason(client: TestClient, practice: Practice) -> None:
    patient_id = practice.patient(name="Ada Invented")
    practice.contact(patient_id)
    practice.course(patient_id, library.protocol("azathioprine-bsr-2017"), STARTED)
    practice.draw(patient_id, STARTED, {"wbc"}, wbc=3.0)
    practice.clock.wind(NOW)
    [one] = client.get("/v1/overdue").json()["items"]
    assert one["reasons"][-1] == "White cells 3 10*9/L on 2026-01-05: below 3.5 10*9/L."


def test_another_clinics_patients_are_left_out_when_one_is_asked_for(
    client: TestClient, practice: Practice
) -> None:
    enrol(practice, "Ada Invented")
    practice.clock.wind(NOW)
    other = "018f0000-0000-7000-8000-000000000000"
    assert client.get(f"/v1/overdue?clinic={practice.clinic_id}").json()["count"] == 1
    assert client.get(f"/v1/overdue?clinic={other}").json()["count"] == 0
    practice.run_until(NOW + timedelta(days=1))
    assert client.get(f"/v1/outbox?clinic={practice.clinic_id}").json()["items"]
    assert client.get(f"/v1/outbox?clinic={other}").json()["items"] == []


# ---- the outbox


def test_the_outbox_holds_what_was_said_and_to_whom(client: TestClient, practice: Practice) -> None:
    enrol(practice, "Ada Invented")
    practice.run_until(datetime(2026, 1, 12, 15, tzinfo=UTC))
    newest, *_ = client.get("/v1/outbox").json()["items"]
    assert (newest["name"], newest["audience"]) == ("Ada Invented", "patient")
    assert (newest["said_at"], newest["time_zone"]) == ("2026-01-12T14:00:00Z", "America/New_York")
    assert "Elm Street" in newest["body"]
    assert "azathioprine" not in json.dumps(newest).lower()


@pytest.mark.parametrize("limit", [1, 2, 3, 50])
def test_paging_gives_every_message_once_the_newest_first(
    client: TestClient, practice: Practice, limit: int
) -> None:
    for name in ("Ada Invented", "Bo Invented"):
        enrol(practice, name)
    practice.run_until(NOW)
    whole = client.get("/v1/outbox?limit=500").json()["items"]
    assert [one["said_at"] for one in whole] == sorted((one["said_at"] for one in whole), reverse=True)
    assert len({one["said_at"] for one in whole}) < len(whole)  # a page may end between two of one moment
    paged, address = [], f"/v1/outbox?limit={limit}"
    while address:
        answer = client.get(address)
        paged += answer.json()["items"]
        address = answer.links.get("next", {}).get("url", "")
        assert bool(address) == (answer.json()["next"] is not None)
    assert paged == whole


# ---- the preview


def preview_of(client: TestClient, content: bytes) -> Any:
    return client.post(
        "/v1/schedules/preview", content=content, headers={"Content-Type": "application/json; charset=utf-8"}
    )


@pytest.fixture
def plain(tmp_path: Path) -> TestClient:
    """Where nobody is asked for a key the preview needs no database."""
    engine = make_engine(f"sqlite:///{tmp_path}/none.db")
    app = create_app(engine, WoundClock(NOW), sign_in=SignIn.NEVER)
    return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)


def test_the_preview_answers_what_simulate_answers(plain: TestClient) -> None:
    answer = preview_of(plain, json.dumps(BODY).encode())
    assert answer.status_code == 200
    assert answer.json() == simulate.run(BODY)


def test_the_documented_example_of_the_preview_works(plain: TestClient) -> None:
    operation = plain.get("/v1/openapi.json").json()["paths"]["/v1/schedules/preview"]["post"]
    example = operation["requestBody"]["content"]["application/json"]["example"]
    assert preview_of(plain, json.dumps(example).encode()).status_code == 200


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"until": "soon"}, "until"),
        ({"until": None}, "until"),
        ({"until": 10**400}, "until"),
        ({"nonsense": 1}, "nonsense"),
        ({"courses": []}, "courses"),
        ({"courses": [{"protocol": "none", "start": "2026-01-05"}]}, "courses.0.protocol"),
        ({"patient": {"time_zone": "Mars/Olympus"}}, "patient.time_zone"),
        ({"tests": {"on": "due"}}, "tests"),
        ({"results": [{"on": "2026-01-05", "values": {"wbc": 1e308}}]}, "results.0.values"),
    ],
)
def test_a_body_that_cannot_be_simulated_is_refused_by_its_key(
    plain: TestClient, change: dict[str, Any], loc: str
) -> None:
    answer = preview_of(plain, json.dumps(BODY | change).encode())
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert error["loc"].startswith(loc)
    assert error["msg"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"NaN",
        b'{"until": Infinity}',
        b'{"until": 1e999}',
        b'{"until": ' + b"9" * 5000 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"until": "2026-01-01", "until": "2026-01-02"}',
        b'{"\\ud800": 1}',
        b'{"until": "\\ud800"}',
        b"\xff\xfe\x00",
        b"\x00" * 1_000_000,
        json.dumps(BODY | {"until": "x" * 1_000_000}).encode(),
        json.dumps(BODY | {"x" * 1_000_000: 1}).encode(),
    ],
    ids=lambda content: repr(content[:20]),
)
def test_a_hostile_body_is_refused_in_one_short_sentence(plain: TestClient, content: bytes) -> None:
    answer = preview_of(plain, content)
    assert answer.status_code == 422
    [error] = answer.json()["errors"]
    assert 0 < len(error["msg"]) <= 501
    assert len(answer.content) < 2000


def test_no_naughty_string_anywhere_is_a_failure_of_ours(plain: TestClient) -> None:
    """As a key, as a text and as a protocol's own words: an answer, or a refusal."""
    course = BODY["courses"][0]
    for start in range(0, len(NAUGHTY), 40):
        some = NAUGHTY[start : start + 40]
        events = [{"on": "2026-01-20", "type": "hold", "reason": text[:500]} for text in some]
        for body in (
            BODY | {"courses": [course | {"flags": some[:20]}]},
            BODY | {"courses": [course | {"events": events}]},
            BODY | dict.fromkeys(some, 1),
            BODY | {"until": some[0], "patient": {"time_zone": some[-1]}},
        ):
            answer = preview_of(plain, json.dumps(body).encode())
            assert answer.status_code in (200, 422)
            assert answer.headers["content-type"] in ("application/json", "application/problem+json")


def test_a_body_of_more_than_two_mebibytes_is_not_read(plain: TestClient) -> None:
    answer = preview_of(plain, b" " * (preview.LARGEST + 1))
    assert (answer.status_code, answer.headers["content-type"]) == (413, "application/problem+json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_a_form_of_another_site_cannot_ask_for_a_preview(plain: TestClient, kind: str) -> None:
    answer = plain.post("/v1/schedules/preview", content=json.dumps(BODY), headers={"Content-Type": kind})
    assert answer.status_code == 415


def long_body() -> bytes:
    """Small to write down, hours to work out."""
    clock = {"kind": "test", "panel": ["cbc"], "phases": [{"every": "P2D"}]}
    protocol = {
        "id": "busy",
        "version": 1,
        "title": "Busy",
        "medicine": {"name": "none"},
        "source": {"title": "A test", "evidence": "product-choice"},
        "clocks": [clock | {"id": f"clock-{number}"} for number in range(20)],
    }
    course = {"protocol": protocol, "start": "2026-01-05"}
    return json.dumps(BODY | {"until": "2041-01-05", "courses": [course] * 10}).encode()


def test_a_preview_that_takes_too_long_is_ended() -> None:
    with pytest.raises(Problem, match=r"more than 0\.5 seconds") as refused:
        preview.run(long_body(), seconds=0.5)
    assert refused.value.status == 503


def test_a_preview_that_takes_too_much_memory_is_ended() -> None:
    with pytest.raises(Problem, match="memory") as refused:
        preview.run(long_body(), memory=1)
    assert refused.value.status == 503


def test_a_third_preview_at_once_is_told_to_come_back() -> None:
    for _ in range(preview.AT_ONCE):
        assert preview._places.acquire(blocking=False)
    try:
        with pytest.raises(Problem, match="Other previews are running") as refused:
            preview.run(b"{}")
        assert refused.value.status == 503
    finally:
        for _ in range(preview.AT_ONCE):
            preview._places.release()
    with pytest.raises(Problem, match="cannot be simulated"):
        preview.run(b"{}")
