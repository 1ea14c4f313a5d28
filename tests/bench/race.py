"""Several processes at once over one database, from the word until the last has ended."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from sqlalchemy.engine import URL

from tests.bench import stage

LONGEST = 900  # seconds: nothing that is measured runs for ever
# Forked from one process that has done nothing but import: a boot is not measured, so nobody waits for it.
processes_of = get_context("forkserver")
processes_of.set_forkserver_preload([f"tests.bench.{name}" for name in ("enrol", "host", "lag", "bare")])


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


@contextmanager
def process(module: str, url: URL, *arguments: str) -> Iterator[Connection]:
    """One that runs the module's `main`, killed in the end; the door to it."""
    mine, its = processes_of.Pipe()
    address = url.render_as_string(hide_password=False)
    started = processes_of.Process(target=stage.enter, args=(its, module, address, *arguments))
    started.start()
    its.close()
    try:
        yield mine
    finally:
        started.kill()
        started.join()
        mine.close()


def prepare(module: str, url: URL, *arguments: str) -> None:
    """What is done before a race, in a process of its own."""
    with process(module, url, *arguments) as door:
        told(door, module)


def run(module: str, url: URL, *arguments: str, processes: int = 1) -> Lap:
    """The boot of the processes is not counted."""
    with ExitStack() as stack:
        doors = [stack.enter_context(process(module, url, *arguments)) for _ in range(processes)]
        for door in doors:
            told(door, module)
        begun = time.monotonic()
        for door in doors:
            door.send("go")
        laps = [told(door, module) for door in doors]
    return Lap(
        handled=sum(one["handled"] for one in laps),
        seconds=max(one["ended"] for one in laps) - begun,
        processor=sum(one["processor"] for one in laps),
        lags=tuple(lag for one in laps for lag in one["lags"]),
    )


def told(door: Connection, module: str) -> Any:
    if not door.poll(LONGEST):
        raise SystemExit(f"{module} said nothing for {LONGEST} s")
    try:
        return door.recv()
    except EOFError:
        raise SystemExit(f"{module} ended too early: what it said stands above") from None
