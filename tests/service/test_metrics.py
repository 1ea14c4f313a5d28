"""GET /metrics: what it says, what it costs, and what no label holds."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from db import backlog, batches, deployments, migrations
from db.engine import make_engine, reading, writing
from db.tables import Channel, Message, WorkItem
from service import worker
from service.app import create_app
from service.channels import Accepted, Answer, Letter, Rejected, Unknown, local, measured
from service.clock import WoundClock
from service.demo import people, story
from service.flows import reminders
from tests.service.conftest import NOW, beat, enrol
from tests.service.test_loops import beats, eventually
from tests.stories.conftest import Practice

ADDRESS = "+12025550101"
NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)  # the first reminder is due


def scraped(client: TestClient) -> dict[tuple[str, tuple[str, ...]], float]:
    """Each sample by its name and the values of its labels, which are in the order of their names."""
    answer = client.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, "text/plain")
    families = text_string_to_metric_families(answer.text)
    return {(s.name, tuple(s.labels.values())): s.value for family in families for s in family.samples}


def client_of(practice: Practice) -> TestClient:
    return TestClient(create_app(practice.engine, practice.clock), base_url="http://localhost")


def test_it_tells_what_is_due_and_for_how_long(client: TestClient, practice: Practice) -> None:
    enrol(practice, "Ada Invented")
    practice.clock.wind(NINE + timedelta(minutes=3))
    beat(practice, ago=timedelta(seconds=40))
    seen = scraped(client)
    assert seen["nextcount_database_up", ()] == 1
    assert seen["nextcount_messages", ("outbox", "due")] == 1
    assert seen["nextcount_oldest_due_age_seconds", ()] == 180
    assert seen["nextcount_loop_last_success_age_seconds", ("reminders",)] == 40
    assert seen["nextcount_loop_last_success_age_seconds", ("upkeep",)] == 40
    reminders.tick(practice.engine, practice.clock, practice.channels)
    seen = scraped(client)
    assert seen["nextcount_oldest_due_age_seconds", ()] == 0
    assert ("nextcount_messages", ("outbox", "due")) not in seen


def test_it_tells_of_doubts_claims_and_open_work(client: TestClient, practice: Practice) -> None:
    for name in ("Ada", "Bo", "Cy"):
        enrol(practice, name)
    messages, work = batches.table(Message), batches.table(WorkItem)
    with writing(practice.engine) as session:
        ids = [row.id for row in session.execute(sa.select(messages.c.id).limit(3))]
        later = practice.clock() + timedelta(minutes=1)
        for id_, state, lease in zip(
            ids, ("claimed", "unknown", "unknown"), (later, later, None), strict=True
        ):
            changed = {"state": state, "lease_until": lease, "channel": "sms"}
            session.execute(sa.update(messages).where(messages.c.id == id_).values(changed))
    seen = scraped(client)
    for state in ("claimed", "in-doubt", "unknown"):
        assert seen["nextcount_messages", ("sms", state)] == 1
    with writing(practice.engine) as session:
        opened = practice.clock() - timedelta(hours=2)
        row = {"clinic_id": practice.clinic_id, "kind": "x", "level": "same-day", "role": "coordinator"}
        row |= {"key": "x", "opened_at": opened, "raised_at": opened, "due_by": opened}
        batches.insert(session, WorkItem, [row, row | {"key": "y", "state": "done"}])
    seen = scraped(client)
    assert seen["nextcount_open_work_items", ("same-day",)] == 1
    assert seen["nextcount_oldest_work_item_age_seconds", ("same-day",)] == 7200
    with writing(practice.engine) as session:
        session.execute(sa.delete(work))
        session.execute(sa.update(messages).values(state="waiting", lease_until=None))


def test_hold_and_pause_are_flags(client: TestClient, practice: Practice) -> None:
    seen = scraped(client)
    assert (seen["nextcount_held", ()], seen["nextcount_paused_clinics", ()]) == (0, 0)
    with writing(practice.engine) as session:
        deployments.hold(session, reason="a test", now=practice.clock())
    assert scraped(client)["nextcount_held", ()] == 1


class Fake:
    capabilities = local.Local.capabilities

    def __init__(self, *answers: Answer | Exception) -> None:
        self.answers = list(answers)

    def send(self, letter: Letter) -> Answer:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def look_up(self, key: UUID) -> Answer | None:
        return None


def test_every_call_is_counted_by_its_answer_and_timed(client: TestClient) -> None:
    answers = (Accepted(), Rejected("no", permanent=True), Unknown("time-out"), RuntimeError())
    name = Channel.CHAT
    channel = measured.every({name: Fake(*answers)})[name]
    before = scraped(client)
    for _ in answers[:3]:
        channel.send(Letter(key=UUID(int=1), attempt=UUID(int=2), address="", subject="", body="", sender=""))
    with pytest.raises(RuntimeError):
        channel.send(Letter(key=UUID(int=1), attempt=UUID(int=2), address="", subject="", body="", sender=""))
    channel.look_up(UUID(int=1))
    after = scraped(client)

    def more(*key: Any) -> float:
        return after[key] - before.get(key, 0)  # type: ignore[index, call-overload]

    outcomes = {"accepted": 1, "rejected": 1, "unknown": 2}
    assert {o: more("nextcount_attempts_total", ("chat", o)) for o in outcomes} == outcomes
    assert more("nextcount_provider_call_seconds_count", ("send", "chat")) == 4
    assert more("nextcount_provider_call_seconds_count", ("look-up", "chat")) == 1


def test_a_batch_of_the_loop_is_timed(practice: Practice) -> None:
    enrol(practice, "Ada Invented")
    practice.clock.wind(NINE)
    client = client_of(practice)
    key = ("nextcount_batch_seconds_count", ("reminders",))
    before = scraped(client).get(key, 0)
    loops = worker.Worker(
        practice.engine, practice.clock, local.channels(), reminders_every=30, upkeep_every=30
    )
    loops.start()
    eventually(lambda: scraped(client).get(key, 0) > before)
    loops.stop()


def test_requests_are_counted_by_template_and_a_strange_word_is_no_label(client: TestClient) -> None:
    client.get("/v1/overdue?clinic=Zephyrine")
    client.get("/Zephyrine")
    client.request("ZEPHYRINE", "/")
    seen = scraped(client)
    assert seen["nextcount_http_requests_total", ("GET", "/v1/overdue", "422")] >= 1
    assert seen["nextcount_http_requests_total", ("GET", "unknown", "404")] >= 1
    assert seen["nextcount_http_request_seconds_count", ("GET", "/v1/overdue")] >= 1
    assert "zephyrine" not in client.get("/metrics").text.lower()


def test_without_a_database_it_still_answers() -> None:
    engine = make_engine("sqlite:////nowhere/at/all.db")
    client = TestClient(create_app(engine, WoundClock(NOW)), base_url="http://localhost")
    seen = scraped(client)
    assert seen["nextcount_database_up", ()] == 0
    assert ("nextcount_held", ()) not in seen
    engine.dispose()


def test_names_follow_the_conventions(client: TestClient, practice: Practice) -> None:
    beat(practice)
    text = client.get("/metrics").text
    families = list(text_string_to_metric_families(text))
    assert len(families) > 12
    for family in families:
        assert re.fullmatch(r"nextcount_[a-z_]+", family.name)
        assert family.documentation.endswith(".")
        if family.type == "counter":
            assert {sample.name for sample in family.samples} <= {f"{family.name}_total"}
        if "_age_" in family.name or family.type == "histogram":
            assert family.name.endswith("_seconds")


# ---- what a scrape costs


def plans(engine: Engine, ask: Any) -> list[str]:
    """How the database carries out each query of `ask`, in its own words."""
    said: list[tuple[str, Any]] = []

    def keep(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        said.append((statement, parameters))

    sa.event.listen(engine, "before_cursor_execute", keep)
    with reading(engine) as session:
        ask(session)
    sa.event.remove(engine, "before_cursor_execute", keep)
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    asked = [(statement, given) for statement, given in said if statement.startswith("SELECT")]
    with engine.connect() as connection:
        return [
            " ".join(str(row[-1]) for row in connection.exec_driver_sql(explain + statement, given))
            for statement, given in asked
        ]


@pytest.mark.parametrize(
    "ask", [lambda s: backlog.pending(s, now=NOW), backlog.open_work], ids=["due", "work"]
)
def test_a_scrape_reads_only_what_has_not_ended(practice: Practice, ask: Any) -> None:
    """Twenty thousand messages and work items that have ended are not looked at."""
    patient = practice.patient()
    ended = {"clinic_id": practice.clinic_id, "patient_id": patient}
    message = {"audience": "patient", "channel": "sms", "send_at": NOW, "created_at": NOW}
    work = {"kind": "x", "level": "24h", "role": "coordinator", "state": "done", "key": "x"}
    work |= {"opened_at": NOW, "raised_at": NOW, "due_by": NOW}
    with writing(practice.engine) as session:
        batches.insert(session, Message, [ended | message | {"state": "failed"}] * 20_000)
        batches.insert(session, WorkItem, [ended | work] * 20_000)
    with practice.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    found = plans(practice.engine, ask)
    assert found
    for plan in found:
        assert re.search(r"INDEX (ix|uq)_|(Index|Bitmap).* Scan (using|on) (ix|uq)_", plan), plan
        assert not re.search(r"Seq Scan on (message|work_item)", plan), plan


# ---- what no label holds


def test_H70_no_metric_holds_a_patient_a_clinic_a_number_or_a_medicine(tmp_path: Path) -> None:
    """After the whole demo, whose every page was asked for, and an address that is a name."""
    engine = make_engine(f"sqlite:///{tmp_path / 'demo.db'}")
    migrations.upgrade(engine)
    now = datetime(2026, 11, 22, 20, 40, tzinfo=UTC)
    story.run(engine, now=now, progress=lambda text: None)
    client = TestClient(create_app(engine, WoundClock(now)), base_url="http://localhost")
    loops = worker.Worker(engine, WoundClock(now), local.channels(), reminders_every=30, upkeep_every=30)
    loops.start()
    eventually(lambda: "reminders" in beats(engine))
    loops.stop()
    names = [person.name for person in people.PEOPLE]
    for address in (
        "/",
        "/overdue",
        "/outbox",
        "/v1/overdue",
        "/v1/outbox",
        f"/{names[0]}",
        f"/overdue?q={names[0]}",
    ):
        client.get(address)
    lines = client.get("/metrics").text.splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#"))
    words = _words(engine)
    assert len(words) > 60
    assert [word for word in words if word in text] == []
    assert "azathioprine" not in text.lower()
    engine.dispose()


def _words(engine: Engine) -> set[str]:
    """Every name, number, address, medicine and id in the database that could tell somebody."""
    tables = {
        "patient": ("name", "mrn", "id"),
        "clinic": ("name", "phone", "id"),
        "contact": ("address", "id"),
    }
    tables |= {"course": ("medicine", "id"), "item": ("id",), "message": ("id", "body")}
    found: set[str] = set()
    with engine.connect() as connection:
        for table, columns in tables.items():
            for row in connection.exec_driver_sql(f"SELECT {', '.join(columns)} FROM {table}"):
                found |= {str(value) for value in row if value is not None and len(str(value)) > 4}
    return found | {part for word in found for part in word.split() if part.istitle() and len(part) > 4}
