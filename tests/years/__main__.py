"""Years of invented patients through the real flows: `python -m tests.years --patients 10000 --years 5`.

Each cohort of 250 has a database of its own. Every invariant is asked after every day; in the end the
items must be the plan of what was entered, and the report must count what happened.
"""

import argparse
import multiprocessing
import random
import sys
import time
from collections import Counter
from collections.abc import Mapping
from queue import Empty
from typing import Any

from rich.console import Console
from rich.progress import Progress

from tests.years import lead

COHORT = 250
SPAWN = multiprocessing.get_context("spawn")


def main() -> int:
    asked = _arguments()
    console, began = Console(stderr=True), time.monotonic()
    sizes = [min(COHORT, asked.patients - n) for n in range(0, asked.patients, COHORT)]
    jobs = [(asked.seed + n, size, asked.days) for n, size in enumerate(sizes)]
    told: Any = SPAWN.Manager().Queue()
    with SPAWN.Pool(asked.jobs) as pool, Progress(console=console) as progress:
        bar = progress.add_task("days of cohorts", total=len(jobs) * asked.days)
        running = pool.starmap_async(lead.lead, [(told, *job) for job in jobs], chunksize=1)
        while not running.ready():
            try:
                progress.advance(bar, told.get(timeout=0.5))
            except Empty:
                continue
        found = running.get()
    _report(sum(found, Counter[str]()), asked, time.monotonic() - began)
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--patients", type=int, default=10_000)
    parser.add_argument("--years", type=float, default=5)
    parser.add_argument("--jobs", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    asked = parser.parse_args()
    asked.days = round(asked.years * 365.25)
    return asked


def _report(found: Mapping[str, int], asked: argparse.Namespace, took: float) -> None:
    say = Console(highlight=False).print
    size = f"{asked.patients} patients, {asked.years:g} years, {asked.jobs} processes"
    say(f"{size}: {took:.0f} s, seed {asked.seed}")
    say("Every invariant held after every day; items are the plan of what was entered, and counted so.")
    for name, count in sorted(found.items()):
        say(f"{count:>12,}  {name}")


if __name__ == "__main__":
    sys.exit(main())
