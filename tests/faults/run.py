"""The kill harness: workers that are processes are killed, stopped, cut off; the provider's ledger decides.

    python tests/faults/run.py --all            every step × channel × fate × database, then 500 random kills
    python tests/faults/run.py --sample 40      some cells alone

It ends with a table, and with 1 when anything was lost, doubled, late or broken. PostgreSQL is the server of
TEST_DATABASE_URL, else one of its own.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count, product
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rich.console import Console
from rich.progress import Progress

from tests.conftest import server
from tests.faults import drives, lives, scenes
from tests.faults.checker import Count
from tests.faults.drives import DATABASES, Cell, Outcome
from tests.faults.scenes import Stage

HEAD = ("database", "provider", "scenes", "lives", "reminders", "lost", "doubled", "marked repeats")
HEAD += ("doubts", "longest", "to a person", "broken")


def main() -> int:
    asked = _arguments()
    console = Console(stderr=True)
    began, seed = time.monotonic(), asked.seed or random.randrange(10**6)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        postgresql = stack.enter_context(server()) if "postgresql" in asked.databases else None
        stage = stack.enter_context(scenes.stage(folder, postgresql))
        for database, addresses in product(asked.databases, (scenes.FEW, drives.MANY)):
            stage.prepare(database, addresses)
        pool = stack.enter_context(ThreadPoolExecutor(asked.jobs))
        progress = stack.enter_context(Progress(console=console))
        cells = _cells(asked, seed)
        found = _watch(progress, "steps", len(cells), pool.map(lambda c: drives.one_fate(stage, c), cells))
        storms = _storms(progress, pool, stage, asked, seed) if asked.random else []
    return _report([("at every step", found), ("at random moments", storms)], began, seed)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--all", action="store_true", help="the full grid, and 500 random kills")
    parser.add_argument("--sample", type=int, default=0, metavar="CELLS", help="so many cells of the grid")
    parser.add_argument(
        "--random", type=int, default=0, metavar="KILLS", help="at random moments, under load"
    )
    parser.add_argument(
        "--only", default="", metavar="WORDS", help="cells whose name has these words, by commas"
    )
    parser.add_argument("--databases", nargs="+", default=DATABASES, choices=DATABASES)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    if asked.all:
        asked.random = asked.random or 500
    elif not (asked.sample or asked.random or asked.only):
        parser.error("say what to run: --all, --sample, --random or --only")
    return asked


def _cells(asked: argparse.Namespace, seed: int) -> list[Cell]:
    words = [word.strip() for word in asked.only.split(",") if word]
    named = [cell for cell in drives.grid() if all(f", {word}," in f", {cell}," for word in words)]
    cells = [cell for cell in named if cell.database in asked.databases]
    if asked.sample:
        return random.Random(seed).sample(cells, min(asked.sample, len(cells)))
    return cells if asked.all or words else []


def _storms(
    progress: Progress, pool: ThreadPoolExecutor, stage: Stage, asked: argparse.Namespace, seed: int
) -> list[Outcome]:
    """Scene after scene, until as many were killed as was asked for."""
    bar = progress.add_task("random", total=asked.random)
    scenes_ = zip(count(seed), _for_ever(list(product(asked.databases, lives.KINDS))), strict=False)
    found: list[Outcome] = []
    while (killed := sum(outcome.kills for outcome in found)) < asked.random:
        some = [next(scenes_) for _ in range(asked.jobs)]
        found += pool.map(lambda one: drives.storm(stage, *one[1], one[0]), some)
        progress.update(bar, completed=killed)
    progress.update(bar, completed=asked.random)
    return found


def _for_ever(them: Sequence[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for n in count():
        yield them[n % len(them)]


def _watch(progress: Progress, name: str, total: int, outcomes: Iterable[Outcome]) -> list[Outcome]:
    bar, found = progress.add_task(name, total=total), list[Outcome]()
    for outcome in outcomes:
        found.append(outcome)
        progress.advance(bar)
        if not outcome.holds:
            progress.console.print(f"WRONG {outcome}", highlight=False)
    return found


def _report(parts: Sequence[tuple[str, list[Outcome]]], began: float, seed: int) -> int:
    everything = [outcome for _, found in parts for outcome in found]
    took, led = time.monotonic() - began, sum(outcome.lives for outcome in everything)
    say = Console(width=10**4, markup=False, highlight=False).print
    for name, found in parts:
        if found:
            kills = sum(outcome.kills for outcome in found)
            say(f"\n{name}{f': {kills} kills' if kills else ''}\n")
            say("\n".join(_table(found)))
    wrong = [outcome for outcome in everything if not outcome.holds]
    say(f"\n{datetime.now(UTC):%Y-%m-%d}: {len(everything)} scenes, {led} lives in {took:.0f} s", end=" ")
    say(f"({led / took:.1f} a second), seed {seed}: {f'{len(wrong)} WRONG' if wrong else 'all hold'}")
    for outcome in wrong:
        say(f"WRONG {outcome}")
    return 1 if wrong else 0


def _table(found: Sequence[Outcome]) -> Iterator[str]:
    yield f"| {' | '.join(HEAD)} |"
    yield f"|{'---|' * len(HEAD)}"
    for database, kind in product(DATABASES, lives.KINDS):
        mine = [outcome for outcome in found if outcome.name.startswith(f"{database}, {kind},")]
        if mine:
            yield f"| {database} | {kind} | {' | '.join(_row(mine))} |"


def _row(mine: Sequence[Outcome]) -> Iterator[str]:
    whole = Count()
    for outcome in mine:
        whole.add(outcome.count)
    minutes, seconds = divmod(round(whole.longest.total_seconds()), 60)
    lived = sum(outcome.lives for outcome in mine)
    broken = whole.broken + sum(len(outcome.wrong) for outcome in mine)
    cells = (len(mine), lived, whole.planned, whole.lost, whole.doubled, whole.repeated, whole.doubts)
    yield from map(str, cells)
    yield from (f"{minutes}:{seconds:02}", str(whole.told), str(broken))


if __name__ == "__main__":
    sys.exit(main())
