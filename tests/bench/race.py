"""Several processes at once over one database, from the word until the last has ended."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, cast

from sqlalchemy.engine import URL

LONGEST = 900  # seconds: nothing that is measured runs for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Lap:
    handled: int
    seconds: float
    processor: float  # seconds, of the workers alone
    lags: tuple[float, ...] = ()  # seconds

    @property
    def per_second(self) -> float:
        return self.handled / self.seconds

    @property
    def processor_per_1000(self) -> float:
        return self.processor / self.handled * 1000


def prepare(module: str, url: URL, *arguments: str) -> None:
    """What is done before a race, in a process of its own."""
    subprocess.run(_command(module, url, arguments), check=True, timeout=LONGEST)


def run(module: str, url: URL, *arguments: str, processes: int = 1) -> Lap:
    """The boot of the processes is not counted."""
    command = _command(module, url, arguments)
    started = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    try:
        return _race(command, started)
    finally:
        for process in started:
            process.kill()
            process.communicate()


def _command(module: str, url: URL, arguments: Sequence[str]) -> list[str]:
    address = url.render_as_string(hide_password=False)
    return [sys.executable, "-m", f"tests.bench.{module}", address, *arguments]


def _race(command: Sequence[str], started: Sequence[subprocess.Popen[str]]) -> Lap:
    for process in started:
        _line(process, command)
    begun = time.monotonic()
    for process in started:
        stdin = cast(IO[str], process.stdin)
        stdin.write("go\n")
        stdin.flush()
    told = [json.loads(_line(process, command)) for process in started]
    return Lap(
        handled=sum(one["handled"] for one in told),
        seconds=max(one["ended"] for one in told) - begun,
        processor=sum(one["processor"] for one in told),
        lags=tuple(lag for one in told for lag in one["lags"]),
    )


def _line(process: subprocess.Popen[str], command: Sequence[str]) -> str:
    line = cast(IO[str], process.stdout).readline()
    if not line:
        raise SystemExit(f"{' '.join(command[1:3])} ended with {process.wait()}: what it said stands above")
    return line
