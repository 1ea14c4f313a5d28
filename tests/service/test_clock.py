"""Who tells the time: one clock for all the workers of a database."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db.engine import writing
from service import clock
from service.clock import WoundClock

LONG_AGO = datetime(1999, 12, 31, 23, 59, tzinfo=UTC)


def test_the_time_is_aware_in_utc_and_goes_on(engine: Engine) -> None:
    tell = clock.running(engine)
    first, second = tell(), tell()
    assert first.utcoffset() == timedelta(0)
    assert first <= second < first + timedelta(minutes=1)


def test_on_postgresql_it_is_the_databases_time(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "machine", lambda: LONG_AGO)
    assert (clock.now(engine) == LONG_AGO) == (engine.dialect.name == "sqlite")


def test_it_does_not_stand_still_during_a_transaction(engine: Engine) -> None:
    with writing(engine) as session:
        session.execute(sa.text("SELECT 1"))
        first = clock.now(engine)
        time.sleep(0.01)
        assert clock.now(engine) > first


def test_a_wound_clock_stands_until_it_is_wound() -> None:
    told = WoundClock(datetime(2026, 1, 5, 9, tzinfo=timezone(timedelta(hours=-5))))
    assert told() == told() == datetime(2026, 1, 5, 14, tzinfo=UTC)
    told.wind(LONG_AGO)
    assert told() == LONG_AGO
