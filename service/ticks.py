"""Ticks that come in their interval wherever the wall clock is set: APScheduler waits for moments of it.

Set back by hours it would sleep for hours; set forward by a year it would count every tick of that year.
"""

import threading
from datetime import datetime, timedelta

from apscheduler.schedulers.base import BaseScheduler
from apscheduler.triggers.base import BaseTrigger

from service import clock
from service.clock import Jumps

LOOK_EVERY = 1.0  # seconds, which go on evenly
SET = timedelta(seconds=2)


class Every(BaseTrigger):  # type: ignore[misc]
    """The next tick is an interval from now: of those that were missed none is made up for."""

    def __init__(self, seconds: float) -> None:
        self._interval = timedelta(seconds=seconds)

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        return now + self._interval


class WallClock:
    """Lets every job tick at once when the wall clock was set."""

    def __init__(self, scheduler: BaseScheduler) -> None:
        self._scheduler, self._jumps = scheduler, Jumps(clock.machine)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="wall-clock", daemon=True)

    def start(self) -> None:
        self._jumps.look()
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(LOOK_EVERY):
            if abs(self._jumps.look() or timedelta(0)) > SET:
                for job in self._scheduler.get_jobs():
                    self._scheduler.modify_job(job.id, next_run_time=clock.machine())
