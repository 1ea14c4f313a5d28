"""The loops: a name and an interval each. The database is the queue; APScheduler only ticks.

On SQLite one process at a time runs them, the one that holds the lock file beside the database. The lock is
the kernel's: it ends with its process, whatever became of that.
"""

import fcntl
import os
import socket
import threading
from collections.abc import Callable
from datetime import UTC, timedelta
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Protocol

import structlog
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.engine import Engine

from db import heartbeats, messages
from db.engine import writing
from service import clock
from service.channels import Channels
from service.clock import Clock
from service.flows import health, notices, reminders, upkeep, watchdog
from service.flows.notices import Manner
from service.flows.watchdog import Watchdog
from service.links import Links

log = structlog.get_logger()

TZDATA = version("tzdata")
REMEMBERED = timedelta(days=7)  # signs of life of processes that have ended
HOW = {"coalesce": True, "max_instances": 1, "misfire_grace_time": None}


class Turn(Protocol):
    """Whether it is this process that runs the loops."""

    def ours(self) -> bool: ...

    def over(self) -> None: ...


class EveryonesTurn:
    """PostgreSQL: claims coordinate, so any number of workers run."""

    def ours(self) -> bool:
        return True

    def over(self) -> None:
        """Nothing was held."""


class LockFile:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None
        self._once = threading.Lock()

    def ours(self) -> bool:
        """Take the lock if it is free; once taken it stays ours."""
        with self._once:
            if self._file is None:
                self._file = self._take()
            return self._file is not None

    def over(self) -> None:
        with self._once:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def _take(self) -> int | None:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(file)
            return None
        return file


def turn(engine: Engine) -> Turn:
    if engine.dialect.name != "sqlite":
        return EveryonesTurn()
    return LockFile(Path(f"{Path(engine.url.database or '').resolve()}-loops"))


class Worker:
    """Runs the loops until it is stopped. A tick that raises is logged; the next one comes all the same."""

    def __init__(
        self,
        engine: Engine,
        now: Clock,
        channels: Channels,
        *,
        links: Links | None = None,
        reminders_every: float,
        upkeep_every: float,
        manner: Manner = notices.PLAIN,
        canary_every: timedelta = watchdog.EVERY,
        call_outside: Callable[[], bool] | None = None,
    ) -> None:
        self._engine, self._now = engine, now
        self._turn = turn(engine)
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(job_defaults=HOW, timezone=UTC)
        watch = Watchdog(
            engine=engine, clock=now, channels=channels, manner=manner, every=canary_every,
            call_outside=call_outside,
        )  # fmt: skip
        send = partial(reminders.tick, engine, now, channels, links=links, manner=manner)
        self._add(health.REMINDERS, reminders_every, send)
        self._add(health.UPKEEP, upkeep_every, partial(upkeep.tick, engine, now))
        self._add(health.WATCHDOG, reminders_every, watch.tick)

    def start(self) -> None:
        self._scheduler.start()

    def stop(self) -> None:
        """Let the batches that are under way come to their end, and leave the turn to another process."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)
        self._turn.over()

    def _add(self, loop: str, seconds: float, work: Callable[..., int]) -> None:
        tick, at_once = partial(self._tick, loop, work), clock.machine()
        self._scheduler.add_job(tick, "interval", seconds=seconds, id=loop, next_run_time=at_once)

    def _tick(self, loop: str, work: Callable[..., int]) -> None:
        if self._stopping.is_set() or not self._turn.ours():
            return
        handled = work(go_on=partial(self._go_on, loop))
        self._beat(loop)
        if handled:
            log.info("loop", loop=loop, count=handled)

    def _go_on(self, loop: str) -> bool:
        """A batch is done: that is a sign of life, and the moment to stop at."""
        self._beat(loop)
        return not self._stopping.is_set()

    def _beat(self, loop: str) -> None:
        now = self._now()
        with writing(self._engine) as session:
            oldest = messages.oldest_due(session, now=now) if loop == health.REMINDERS else None
            heartbeats.beat(session, loop, self._process, now=now, tzdata=TZDATA, oldest_due_at=oldest)
            heartbeats.forget(session, before=now - REMEMBERED)
