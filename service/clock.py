"""The one place that reads a clock; everybody else is told the time.

Workers on several machines agree because on PostgreSQL it is the database's clock.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.engine import Engine

Clock: TypeAlias = Callable[[], datetime]  # what tells the time: aware, in UTC


def now(engine: Engine) -> datetime:
    """The machine's time on SQLite, the database's on PostgreSQL."""
    if engine.dialect.name != "postgresql":
        return machine()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)


def machine() -> datetime:
    return datetime.now(UTC)


def ahead(engine: Engine) -> timedelta:
    """How far the machine's clock is ahead of the one that `now` tells: nothing where it is the same."""
    if engine.dialect.name != "postgresql":
        return timedelta(0)
    before = machine()
    told = now(engine)
    return before + (machine() - before) / 2 - told


def seconds() -> float:
    """For measuring how long something takes: it goes on evenly when the wall clock is set."""
    return time.monotonic()


def running(engine: Engine) -> Clock:
    return partial(now, engine)


def shifted(by: timedelta) -> Clock:
    """The machine's time, moved: the demo's, when it is asked to live on another day."""
    return lambda: machine() + by


class WoundClock:
    """A clock that stands still until it is wound: the demo's, and a test's."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def __call__(self) -> datetime:
        return self._at

    def wind(self, to: datetime) -> None:
        self._at = to.astimezone(UTC)


class Jumps:
    """How far a clock was set, forward or back, since it was looked at before."""

    def __init__(self, tell: Clock) -> None:
        self._tell = tell
        self._was: tuple[datetime, float] | None = None

    def look(self) -> timedelta | None:
        """None at the first look: nobody knows how long nobody looked."""
        was, self._was = self._was, (self._tell(), seconds())
        if was is None:
            return None
        return self._was[0] - was[0] - timedelta(seconds=self._was[1] - was[1])

    def forget(self) -> None:
        """Let the next look be the first again."""
        self._was = None
