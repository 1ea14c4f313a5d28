"""Whether a process may go by its clocks, and what is put right when one was set or the program begins."""

import threading
from collections.abc import Callable
from datetime import timedelta

import structlog
from sqlalchemy.engine import Engine

from db import clinics, heartbeats, messages
from db.engine import writing
from db.tables import MessageState
from service import clock as clocks
from service.clock import Clock, Jumps
from service.flows import doubts, health, outcomes, pauses, reminders, rungs, upkeep, zones

MEASURED_EVERY = 60.0  # seconds
NOTED = timedelta(seconds=2)  # a difference between two clocks that is said in the log
JUMP = timedelta(seconds=60)

log = structlog.get_logger()


class Times:
    """One process's view of time: on a machine whose clock is wrong it claims nothing."""

    def __init__(self, engine: Engine, now: Clock, process: str, ahead: Callable[[], timedelta]) -> None:
        self._engine, self._now, self._process, self._ahead = engine, now, process, ahead
        self._jumps, self._once = Jumps(now), threading.Lock()
        self._measured: tuple[float, timedelta] | None = None

    def in_order(self) -> bool:
        """Whether to go on; after a jump and at the first call everything is planned again before."""
        with self._once:
            if abs(self._skew()) > health.WRONG:
                return False
            jump = self._jumps.look()
            if jump is None or abs(jump) > JUMP:
                self._catch_up(jump)
            return True

    def _skew(self) -> timedelta:
        if self._measured is None or clocks.seconds() - self._measured[0] >= MEASURED_EVERY:
            was, skew = self._measured, self._ahead()
            if abs(skew) > NOTED:
                log.warning("clock", ahead_seconds=skew.total_seconds(), claims=abs(skew) <= health.WRONG)
            if abs(skew) > health.WRONG or (was is not None and abs(was[1]) > health.WRONG):
                self._tell(skew)
            self._measured = clocks.seconds(), skew
        return self._measured[1]

    def _tell(self, skew: timedelta) -> None:
        with writing(self._engine) as session:
            heartbeats.beat(
                session, health.CLOCK, self._process, now=self._now(), tzdata=rungs.TZDATA,
                ahead_seconds=skew.total_seconds(),
            )  # fmt: skip

    def _catch_up(self, jump: timedelta | None) -> None:
        try:
            if jump is None:
                zones.follow(self._engine, self._now)
            else:
                log.warning("clock set", by_seconds=jump.total_seconds())
            set_right(self._engine, self._now, jumped=jump is not None)
            upkeep.tick(self._engine, self._now)
        except BaseException:
            self._jumps.forget()
            raise


def set_right(engine: Engine, clock: Clock, *, jumped: bool) -> None:
    """What the clock made wait beyond its time is looked at now; a claim keeps a whole lease.

    After a jump forward a lease has run out while its worker sends; after one back it would last for hours,
    and so would the wait for another try, which is never longer than a quarter of an hour.
    """
    with writing(engine) as session:
        now = clock()
        lease, doubt = now + reminders.LEASE, now + doubts.PATIENCE
        if jumped:
            messages.renew(session, until=lease)
        messages.shorten(session, until={MessageState.CLAIMED: lease, MessageState.UNKNOWN: doubt})
        everywhere = [clinic.id for clinic in clinics.every(session)]
        pauses.decide_again(session, everywhere, now=now, beyond=now + outcomes.CAP)
