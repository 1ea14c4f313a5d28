"""How `serve` and `worker` end when a loop cannot go on or a call hangs, and what the worker's port shows."""

import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.service.test_cli_running import SOON, done, environment, eventually, running

BROKEN = """
import sys
from service.flows import {flow}
{flow}.tick = lambda *_, **__: 1 // 0
from service.cli import main
sys.exit(main())
"""
HANGING = """
import pathlib, sys, time
from service import worker
from service.flows import upkeep
worker.LONGEST = 0.5
upkeep.tick = lambda *_, **__: pathlib.Path("hangs").touch() or time.sleep(60)
from service.cli import main
sys.exit(main())
"""
SHOWN = re.compile(r"metrics are at (http://127\.0\.0\.1:(\d+)/metrics)")
QUICK = {"NEXTCOUNT_REMINDERS_EVERY": "0.1", "NEXTCOUNT_UPKEEP_EVERY": "0.1"}


@pytest.mark.parametrize("flow", ["reminders", "upkeep"])
@pytest.mark.parametrize("command", [("worker",), ("serve", "--port", "0")], ids=["worker", "serve"])
def test_H08_a_loop_that_cannot_go_on_ends_the_process_for_its_supervisor(
    tmp_path: Path, command: tuple[str, ...], flow: str
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", BROKEN.format(flow=flow), *command],
        cwd=tmp_path,
        env=environment(**QUICK),
        capture_output=True,
        text=True,
        timeout=SOON,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    last = re.sub(
        r"the \w+ loop", "the loop", ended.stderr.splitlines()[-1]
    )  # each plans before its first tick
    assert last == (
        "nextcount: the loop failed 3 times in a row (ZeroDivisionError): see the log, and start it again"
    )
    assert "Traceback" not in ended.stderr


def test_a_channel_that_hangs_for_ever_does_not_keep_the_process(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HANGING, "worker"],
        cwd=tmp_path,
        env=environment(**QUICK),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        eventually(lambda: (tmp_path / "hangs").exists())
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=SOON)
    assert process.returncode == 1
    assert said.splitlines()[-1].startswith("nextcount: a channel did not come back")


def test_the_worker_shows_its_metrics_on_loopback_when_asked(tmp_path: Path) -> None:
    with running("worker", "--metrics-port", "0", cwd=tmp_path) as (process, log):
        found = eventually(
            lambda: re.search(r"metrics are at (http://127\.0\.0\.1:(\d+)/metrics)", log.read_text())
        )
        eventually(lambda: 'nextcount_loop_last_success_age_seconds{loop="upkeep"}' in text(found[1]))
        taken = done("worker", "--metrics-port", found[2], cwd=tmp_path)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON) == 0
    assert (taken.returncode, taken.stdout) == (2, "")
    assert taken.stderr.endswith(f"--metrics-port {found[2]}: Address already in use: choose another\n")


def text(address: str) -> str:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return str(answer.read().decode())
