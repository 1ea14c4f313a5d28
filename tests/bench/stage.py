"""One process of a race: it says when it is ready, waits for the word, works, and says what it did."""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence


def run(
    work: Callable[[], int],
    *,
    last: Callable[[], float] = time.monotonic,
    lags: Sequence[float] = (),
) -> None:
    """Do the work on the word; how much was done, when the last of it was, and the processor's seconds.

    `lags` are filled by the work: by how many seconds something was late.
    """
    _say("ready")
    sys.stdin.readline()
    before = _processor()
    handled = work()
    told = {"handled": handled, "ended": last(), "processor": _processor() - before}
    _say(json.dumps(told | {"lags": list(lags)}))


def _processor() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
