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

from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy.engine import Engine

from db import heartbeats, messages
from db.engine import writing
from service import clock
from service.channels import Channels, measured
from service.clock import Clock
from service.flows import escalations, health, notices, receipts, reminders, rungs, upkeep, watchdog
from service.flows.nightly import Nightly
from service.flows.notices import Manner
from service.flows.times import Times
from service.flows.watchdog import Watchdog
from service.links import Links
from service.loops import Loop
from service.ticks import Every, WallClock

TZDATA = version("tzdata")
REMEMBERED = timedelta(days=7)  # signs of life of processes that have ended
LONGEST = 20.0  # seconds that a stop waits for calls that are under way
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
    """Runs the loops until `stopping` is set: by a signal, by `stop`, or by a loop that cannot go on."""

    def __init__(
        self,
        engine: Engine,
        now: Clock,
        channels: Channels,
        *,
        links: Links | None = None,
        reminders_every: float,
        upkeep_every: float,
        stopping: threading.Event | None = None,
        manner: Manner = notices.PLAIN,
        canary_every: timedelta = watchdog.EVERY,
        call_outside: Callable[[], bool] | None = None,
    ) -> None:
        self._engine, self._now = engine, now
        self._turn = turn(engine)
        self._process = f"{socket.gethostname()}:{os.getpid()}"
        self._stopping = stopping or threading.Event()
        self._times = Times(engine, now, self._process, partial(clock.ahead, engine))
        self._scheduler = BackgroundScheduler(job_defaults=HOW, timezone=UTC)
        self._wall_clock = WallClock(self._scheduler)
        self.failure: str | None = None  # why the process must end
        called = measured.every(channels)
        watch = Watchdog(
            engine=engine, clock=now, channels=called, manner=manner, every=canary_every,
            call_outside=call_outside,
        )  # fmt: skip
        sending = partial(
            reminders.tick, engine, now, called, links=links, manner=manner, may_call=self._may_call
        )
        self._add(health.REMINDERS, reminders_every, partial(sending, among=rungs.AT_HOME))
        self._add(health.STAFF, reminders_every, partial(sending, among=reminders.STAFF))
        self._add(health.RECEIPTS, upkeep_every, partial(receipts.tick, engine, now, called))
        self._add(health.UPKEEP, upkeep_every, partial(upkeep.tick, engine, now, nightly=Nightly(engine)))
        self._add(health.WATCHDOG, reminders_every, watch.tick)
        climbing = partial(escalations.tick, engine, now, called, manner=manner)
        self._add(health.ESCALATION, reminders_every, climbing)

    def start(self) -> None:
        self._scheduler.start()
        self._wall_clock.start()

    def stop(self) -> bool:
        """Let the calls that are under way come to their end, hand the rest back, leave the turn to another.

        False when that took more than `LONGEST`, for a channel hangs: the process must leave, and what it had
        in hand is taken over when its lease ends.
        """
        self._stopping.set()
        self._wall_clock.stop()
        ending = threading.Thread(target=self._scheduler.shutdown, daemon=True)
        ending.start()
        ending.join(LONGEST)
        if ending.is_alive():
            return False
        self._turn.over()
        return True

    def _may_call(self) -> bool:
        return not self._stopping.is_set()

    def _may_go_on(self) -> bool:
        return not self._stopping.is_set() and self._times.in_order()

    def _add(self, name: str, seconds: float, work: Callable[..., int]) -> None:
        loop, at_once = Loop(name, work, self._beat, self._may_go_on), clock.machine()
        tick = partial(self._tick, loop)
        self._scheduler.add_job(tick, Every(seconds), id=name, next_run_time=at_once)

    def _tick(self, loop: Loop) -> None:
        if self._stopping.is_set() or not self._turn.ours():
            return
        loop.tick()
        if loop.failure is not None:
            self.failure = loop.failure
            self._stopping.set()

    def _beat(self, loop: str) -> None:
        now = self._now()
        with writing(self._engine) as session:
            oldest = messages.oldest_due(session, now=now) if loop == health.REMINDERS else None
            heartbeats.beat(session, loop, self._process, now=now, tzdata=TZDATA, oldest_due_at=oldest)
            heartbeats.forget(session, before=now - REMEMBERED)
