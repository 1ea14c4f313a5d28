"""The one place that reads a clock; everybody else is told the time.

Workers on several machines agree because on PostgreSQL it is the database's clock.
"""

from datetime import UTC, datetime
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.engine import Engine


class Clock(Protocol):
    """What tells the time: aware, in UTC."""

    def now(self) -> datetime: ...


class RunningClock:
    """The machine's clock on SQLite, the database's on PostgreSQL."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def now(self) -> datetime:
        return now(self._engine)


class WoundClock:
    """A clock that stands still until it is wound: the demo's, and a test's."""

    def __init__(self, at: datetime) -> None:
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def wind(self, to: datetime) -> None:
        self._at = to.astimezone(UTC)


def now(engine: Engine) -> datetime:
    if engine.dialect.name != "postgresql":
        return datetime.now(UTC)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        moment: datetime = connection.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
        return moment.astimezone(UTC)
