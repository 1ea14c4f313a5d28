"""What a loop does when its tick raises, when the database is away, and when it hangs or dies."""

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from db import heartbeats
from db.engine import reading
from service import worker
from service.app import create_app
from service.channels import local
from service.clock import WoundClock
from service.flows import health, reminders, upkeep
from service.flows.times import Times
from service.loops import Loop
from service.worker import Worker
from tests.service.conftest import NOW

SOON = 20
HUNG = {health.REMINDERS: (health.REMINDERS, health.STAFF)}  # one flow, two loops
FLOWS = {health.REMINDERS: reminders, health.UPKEEP: upkeep}
AWAY = sa.exc.OperationalError("SELECT 1", {}, Exception("gone"))
DETECTED = timedelta(seconds=120)  # at the latest: H08


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@contextmanager
def running(engine: Engine, clock: Any) -> Iterator[Worker]:
    loops = Worker(engine, clock, local.channels(), reminders_every=0.05, upkeep_every=0.05)
    loops.start()
    try:
        yield loops
    finally:
        loops.stop()


def beats(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return {beat.loop for beat in heartbeats.every(session)}


def a_loop(*errors: Exception | None) -> Loop:
    """Its ticks raise these in turn."""
    rest = iter(errors)

    def work(**_: Any) -> int:
        if (error := next(rest)) is not None:
            raise error
        return 0

    return Loop("reminders", work, lambda loop: None, lambda: True)


@pytest.mark.parametrize(
    ("errors", "ends"),
    [
        ([KeyError(), KeyError(), KeyError()], True),
        ([KeyError(), KeyError(), None], False),
        ([KeyError(), KeyError(), None, KeyError()], False),
        ([AWAY] * 50, False),
        ([KeyError(), AWAY, KeyError(), AWAY, KeyError()], True),
    ],
    ids=["three", "two", "not in a row", "no database", "no database between"],
)
def test_H08_three_failures_in_a_row_end_the_process_and_no_database_is_none(
    errors: list[Exception | None], ends: bool
) -> None:
    loop = a_loop(*errors)
    for _ in errors:
        loop.tick()
    assert (loop.failure is not None) is ends
    if ends:
        assert loop.failure == (
            "the reminders loop failed 3 times in a row (KeyError): see the log, and start it again"
        )


@pytest.mark.parametrize("name", FLOWS)
def test_a_loop_that_failed_goes_on_at_its_next_tick(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    errors = [RuntimeError("once"), RuntimeError("twice")]
    monkeypatch.setattr(FLOWS[name], "tick", lambda *_, **__: _raise(errors.pop()) if errors else 0)
    with running(engine, WoundClock(NOW)) as loops:
        eventually(lambda: name in beats(engine))
        assert loops.failure is None
    assert errors == []


def _raise(error: Exception) -> int:
    raise error


@pytest.fixture
def in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every clock is right: nothing is planned again in the loop that sends."""
    monkeypatch.setattr(Times, "in_order", lambda self: True)


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("name", FLOWS)
def test_H08_a_loop_that_always_fails_stops_the_others_too(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(FLOWS[name], "tick", lambda *_, **__: 1 // 0)
    stopping = threading.Event()
    loops = Worker(
        engine,
        WoundClock(NOW),
        local.channels(),
        reminders_every=0.05,
        upkeep_every=0.05,
        stopping=stopping,
    )
    loops.start()
    try:
        assert stopping.wait(SOON)
        whose = {health.REMINDERS: "(reminders|staff)"}.get(name, name)  # two loops send
        assert re.match(
            rf"the {whose} loop failed 3 times in a row \(ZeroDivisionError\)", str(loops.failure)
        )
    finally:
        loops.stop()
    assert name not in beats(engine)


@pytest.mark.usefixtures("in_time")
@pytest.mark.parametrize("name", FLOWS)
def test_H08_a_loop_that_hangs_is_seen_in_time(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It ran, then hung; the other loop goes on."""
    clock, hang, go_on = WoundClock(NOW), threading.Event(), threading.Event()
    tick = FLOWS[name].tick

    def may_hang(*given: Any, **more: Any) -> int:
        if hang.is_set():
            go_on.wait(SOON)
        return tick(*given, **more)  # type: ignore[no-any-return]

    monkeypatch.setattr(FLOWS[name], "tick", may_hang)
    client = TestClient(create_app(engine, clock), base_url="http://localhost")
    with running(engine, clock):
        eventually(lambda: client.get("/health/ready").status_code == 200)
        hang.set()
        time.sleep(0.2)
        clock.wind(NOW + DETECTED)
        hung = HUNG.get(name, (name,))
        others = {*health.LOOPS} - {*hung}
        eventually(lambda: all(_age(engine, other, clock) == timedelta() for other in others))
        _is_red(client, *(health.WHAT[loop] for loop in hung))
        go_on.set()
        eventually(lambda: client.get("/health/ready").status_code == 200)


def _age(engine: Engine, loop: str, clock: WoundClock) -> timedelta:
    with reading(engine) as session:
        return clock() - max(beat.at for beat in heartbeats.every(session) if beat.loop == loop)


def _is_red(client: TestClient, *whats: str) -> None:
    """The readiness fails, and the page has a banner, for these alone."""
    ready = client.get("/health/ready")
    assert ready.status_code == 503
    reasons = [error["msg"] for error in ready.json()["errors"]]
    page = client.get("/").text
    assert 'class="banner alarm"' in page
    for what, reason in zip(whats, reasons, strict=True):
        assert reason.startswith(f"{what} not been checked since ")
        assert reason in page


def test_H08_a_scheduler_that_died_is_seen_in_time(engine: Engine) -> None:
    clock = WoundClock(NOW)
    client = TestClient(create_app(engine, clock), base_url="http://localhost")
    with running(engine, clock):
        eventually(lambda: client.get("/health/ready").status_code == 200)
    clock.wind(NOW + DETECTED)
    assert client.get("/health/ready").status_code == 503
    assert 'class="banner alarm"' in client.get("/").text


def test_the_loops_go_on_by_themselves_when_the_database_is_back(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database is away for more ticks than an error of ours would be forgiven."""
    calls: list[int] = []
    tick = reminders.tick

    def away_for_a_while(*given: Any, **more: Any) -> int:
        calls.append(1)
        return _raise(AWAY) if len(calls) < 8 else tick(*given, **more)

    monkeypatch.setattr(reminders, "tick", away_for_a_while)
    with running(engine, WoundClock(NOW)) as loops:
        eventually(lambda: health.REMINDERS in beats(engine))
        assert loops.failure is None


def test_a_stop_does_not_wait_for_ever(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    entered, go_on = threading.Event(), threading.Event()
    monkeypatch.setattr(upkeep, "tick", lambda *_, **__: entered.set() or int(not go_on.wait(SOON)))
    monkeypatch.setattr(worker, "LONGEST", 0.2)
    loops = Worker(engine, WoundClock(NOW), local.channels(), reminders_every=30, upkeep_every=30)
    loops.start()
    try:
        assert entered.wait(SOON)
        assert not loops.stop()
    finally:
        go_on.set()
        loops._scheduler._executors["default"]._pool.shutdown(wait=True)
        loops._turn.over()
