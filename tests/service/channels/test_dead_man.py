"""H08: the dead man's switch, called for real in another process, and that it never holds anything up."""

import logging
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
import structlog
from sqlalchemy.engine import Engine

from service import clock
from service.channels import local
from service.channels.dead_man import DeadMan
from service.cli import logs
from service.worker import Worker
from tests.service.channels.conftest import Peer, peer

SOON = 30  # seconds; a wait ends as soon as what it waits for is there


@pytest.fixture(scope="module")
def switch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    with peer("switch.py", tmp_path_factory.mktemp("switch") / "ledger") as found:
        yield found


def at(switch: Peer, path: str) -> str:
    return f"http://127.0.0.1:{switch.ports[0]}/{path}"


def calls(switch: Peer, path: str) -> int:
    return sum(entry["path"] == f"/{path}" for entry in switch.ledger)


@pytest.mark.parametrize(
    ("status", "taken"), [(200, True), (204, True), (302, False), (404, False), (500, False)]
)
def test_H08_only_a_2xx_is_a_call_that_was_taken(switch: Peer, status: int, taken: bool) -> None:
    before = calls(switch, "status/200")
    assert DeadMan(at(switch, f"status/{status}")).call() is taken
    assert calls(switch, f"status/{status}") > 0
    if status != 200:
        assert calls(switch, "status/200") == before  # no redirect was followed


@pytest.mark.parametrize("path", ["hang", "trickle", "drop"])
def test_H08_a_switch_that_hangs_holds_nothing_up(switch: Peer, path: str) -> None:
    began = time.monotonic()
    assert not DeadMan(at(switch, path), total_seconds=0.5).call()
    assert time.monotonic() - began < 5


def test_H08_nobody_there_is_no_failure_of_ours() -> None:
    assert not DeadMan("http://127.0.0.1:9/").call()


def test_H08_its_address_is_in_no_log(switch: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "httpx2")  # as `logs.configure` sets it
    assert "httpx2" in logs.TALKATIVE
    with structlog.testing.capture_logs() as said:
        DeadMan(at(switch, "status/500")).call()
        DeadMan("http://127.0.0.1:9/secret").call()
    text = f"{said}{caplog.text}"
    assert "dead man's switch refused" in text
    assert not [word for word in ("status/500", "secret", "127.0.0.1") if word in text]


def eventually(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)


def test_H08_the_running_worker_calls_it_until_it_stops(engine: Engine, switch: Peer) -> None:
    """The clock is real; a canary every second. A switch of its own path counts this test's calls."""
    path = f"status/200?{engine.dialect.name}"
    loops = Worker(
        engine,
        clock.machine,
        local.channels(),
        reminders_every=0.1,
        upkeep_every=0.1,
        canary_every=timedelta(seconds=1),
        call_outside=DeadMan(at(switch, path)).call,
    )
    loops.start()
    try:
        eventually(lambda: calls(switch, path) >= 3)
    finally:
        loops.stop()
    stopped = calls(switch, path)
    time.sleep(1.5)
    assert calls(switch, path) == stopped
