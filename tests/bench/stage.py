"""One process of a race: it says when it is ready, waits for the word, works, and says what it did."""

import resource
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from multiprocessing.connection import Connection
from typing import Any

doors: list[Connection] = []  # to who started this process


def enter(door: Connection, module: str, *arguments: str) -> None:
    """What such a process does: the module's `main`."""
    doors.append(door)
    import_module(f"tests.bench.{module}").main(*arguments)
    say("ended")


def say(told: Any) -> None:
    doors[0].send(told)


def run(
    work: Callable[[], int],
    *,
    last: Callable[[], float] = time.monotonic,
    lags: Sequence[float] = (),
) -> None:
    """Do the work on the word; how much was done, when the last of it was, and the processor's seconds.

    `lags` are filled by the work: by how many seconds something was late.
    """
    say("ready")
    doors[0].recv()
    before = _processor()
    handled = work()
    told = {"handled": handled, "ended": last(), "processor": _processor() - before}
    say(told | {"lags": list(lags)})


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
