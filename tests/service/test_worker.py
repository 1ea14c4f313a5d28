"""The loops: they tick, give signs of life, survive a failure, and on SQLite run in one process at a time."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from db import heartbeats
from db.engine import make_engine, reading, writing
from service import worker
from service.channels import Accepted, Answer, Letter, local
from service.clock import WoundClock
from service.flows import health, reminders, upkeep
from service.worker import LockFile, Worker
from tests.service.conftest import NOW, enrol
from tests.stories.conftest import Practice

SOON = 20  # seconds; a wait ends as soon as what it waits for is there


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


@contextmanager
def running(engine: Engine, clock: Any, channels: Any = None) -> Iterator[Worker]:
    loops = Worker(engine, clock, channels or local.channels(), reminders_every=0.05, upkeep_every=0.05)
    loops.start()
    try:
        yield loops
    finally:
        loops.stop()


def beats(engine: Engine) -> set[str]:
    with reading(engine) as session:
        return {beat.loop for beat in heartbeats.every(session)}


def test_the_loops_send_what_is_due_and_give_signs_of_life(practice: Practice) -> None:
    enrol(practice, "Ada Invented")
    practice.clock.wind(datetime(2026, 1, 12, 15, tzinfo=UTC))
    with running(practice.engine, practice.clock):
        eventually(lambda: beats(practice.engine) == set(health.WHAT))
        eventually(lambda: any(message.state == "accepted" for message in practice.messages))
        assert health.look(practice.engine, now=practice.clock()).reasons == ()


def test_the_first_tick_does_not_wait_for_the_interval(engine: Engine) -> None:
    loops = Worker(engine, WoundClock(NOW), local.channels(), reminders_every=30, upkeep_every=60)
    loops.start()
    try:
        eventually(lambda: beats(engine) == set(health.WHAT))
    finally:
        loops.stop()


def test_processes_that_ended_long_ago_are_forgotten(engine: Engine) -> None:
    week = timedelta(days=7)
    with writing(engine) as session:
        for process, age in (("old", week + timedelta(seconds=1)), ("recent", week)):
            heartbeats.beat(session, health.REMINDERS, process, now=NOW - age, tzdata="2026.6")
    with running(engine, WoundClock(NOW)):
        eventually(lambda: health.UPKEEP in beats(engine))
    with reading(engine) as session:
        processes = {beat.process for beat in heartbeats.every(session)}
    assert "recent" in processes
    assert "old" not in processes


def test_a_tick_that_fails_is_followed_by_another(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    calls: list[int] = []

    def fail_twice(*_: object, **__: object) -> int:
        calls.append(1)
        if len(calls) < 3:
            raise RuntimeError("once")
        return 0

    monkeypatch.setattr(reminders, "tick", fail_twice)
    with running(engine, WoundClock(NOW)):
        eventually(lambda: health.REMINDERS in beats(engine))
    assert len(calls) >= 3
    assert "raised an exception" in caplog.text


def test_a_loop_that_always_fails_gives_no_sign_of_life(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def fail(*_: object, **__: object) -> int:
        calls.append(1)
        raise RuntimeError("always")

    monkeypatch.setattr(reminders, "tick", fail)
    with running(engine, WoundClock(NOW)):
        eventually(lambda: len(calls) >= 3 and health.UPKEEP in beats(engine))
    assert beats(engine) == {health.UPKEEP, health.WATCHDOG}
    assert health.look(engine, now=NOW).reasons == (
        "Reminders have never been checked: start nextcount worker.",
    )


def test_a_slow_tick_never_runs_twice_at_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    busy, overlaps, calls = threading.Lock(), [], []

    def slow(*_: object, **__: object) -> int:
        if not busy.acquire(blocking=False):
            overlaps.append(1)
            return 0
        time.sleep(0.2)
        calls.append(1)
        busy.release()
        return 0

    monkeypatch.setattr(upkeep, "tick", slow)
    with running(engine, WoundClock(NOW)):
        eventually(lambda: len(calls) >= 3)
    assert overlaps == []


def test_stopping_waits_for_the_send_that_is_under_way(practice: Practice) -> None:
    entered, go_on = threading.Event(), threading.Event()

    class Slow:
        def send(self, letter: Letter) -> Answer:
            entered.set()
            go_on.wait(SOON)
            return Accepted()

    enrol(practice, "Ada Invented")
    practice.clock.wind(datetime(2026, 1, 12, 15, tzinfo=UTC))
    loops = Worker(
        practice.engine,
        practice.clock,
        dict.fromkeys(local.channels(), Slow()),
        reminders_every=0.05,
        upkeep_every=30,
    )
    loops.start()
    assert entered.wait(SOON)
    stopping = threading.Thread(target=loops.stop)
    stopping.start()
    stopping.join(0.2)
    assert stopping.is_alive()
    go_on.set()
    stopping.join(SOON)
    assert not stopping.is_alive()
    assert "claimed" not in {message.state.value for message in practice.messages}


def test_a_long_tick_gives_signs_of_life_and_stops_after_its_batch(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three messages are due, one a batch; the loop is told to stop during the first."""
    for name in ("Ada", "Bo", "Cy"):
        enrol(practice, name)
    practice.clock.wind(datetime(2026, 1, 11, 15, tzinfo=UTC))
    monkeypatch.setattr(reminders, "BATCH", 1)
    entered, go_on = threading.Event(), threading.Event()

    class Slow:
        def send(self, letter: Letter) -> Answer:
            entered.set()
            go_on.wait(SOON)
            return Accepted()

    channels = dict.fromkeys(local.channels(), Slow())
    loops = Worker(practice.engine, practice.clock, channels, reminders_every=30, upkeep_every=30)
    loops.start()
    assert entered.wait(SOON)
    stopping = threading.Thread(target=loops.stop)
    stopping.start()
    eventually(loops._stopping.is_set)
    go_on.set()
    stopping.join(SOON)
    assert [message.state.value for message in practice.messages].count("accepted") == 1
    assert health.REMINDERS in beats(practice.engine)


# ---- one process at a time


def test_the_lock_is_beside_the_database_and_for_one(tmp_path: Path) -> None:
    first, second = LockFile(tmp_path / "a.db-loops"), LockFile(tmp_path / "a.db-loops")
    assert first.ours()
    assert first.ours()
    assert not second.ours()
    first.over()
    assert second.ours()
    second.over()
    assert (tmp_path / "a.db-loops").stat().st_mode & 0o077 == 0


def test_the_lock_of_a_process_that_was_killed_is_free(tmp_path: Path) -> None:
    path = tmp_path / "a.db-loops"
    program = (
        "import sys, time; from pathlib import Path; from service.worker import LockFile; "
        "assert LockFile(Path(sys.argv[1])).ours(); print('held', flush=True); time.sleep(60)"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", program, path], stdout=subprocess.PIPE, env=environment
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        lock = LockFile(path)
        assert not lock.ours()
        other.kill()
        other.wait(SOON)
        assert lock.ours()
        lock.over()


def test_on_sqlite_a_second_process_waits_for_its_turn(tmp_path: Path, sqlite_template: Path) -> None:
    file = tmp_path / "a.db"
    file.write_bytes(sqlite_template.read_bytes())
    engine = make_engine(f"sqlite:///{file}")
    held = LockFile(tmp_path / "a.db-loops")
    assert held.ours()
    with running(engine, WoundClock(NOW)):
        time.sleep(0.5)
        assert beats(engine) == set()
        held.over()
        eventually(lambda: beats(engine) == set(health.WHAT))
    engine.dispose()


def test_on_postgresql_everybody_runs(engine: Engine) -> None:
    turns = [worker.turn(engine), worker.turn(engine)]
    assert [turn.ours() for turn in turns] == [True, engine.dialect.name == "postgresql"]
    for turn in turns:
        turn.over()
