from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from db import heartbeats
from db.engine import writing
from schedules import library
from service.app import create_app
from service.clock import WoundClock
from service.flows import health
from tests.stories.conftest import Practice

STARTED = date(2026, 1, 5)
NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)


@pytest.fixture
def practice(engine: Engine) -> Practice:
    """A clinic in New York on 5 January 2026, before its first patient."""
    found = Practice(engine, WoundClock(datetime(2026, 1, 5, tzinfo=UTC)))
    found.open("America/New_York")
    return found


@pytest.fixture
def client(practice: Practice) -> Iterator[TestClient]:
    """The application as a person on the same machine asks it."""
    app = create_app(practice.engine, practice.clock)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as found:
        yield found


def enrol(practice: Practice, name: str, *, consent: bool = True, zone: str = "America/New_York") -> None:
    """A patient who starts azathioprine by the label on 5 January and never has a test."""
    patient_id = practice.patient(name=name, time_zone=zone)
    practice.contact(patient_id, given=consent)
    practice.course(patient_id, library.protocol("azathioprine-us-label"), STARTED)


def beat(practice: Practice, *, ago: timedelta = timedelta()) -> None:
    """Every loop gave a sign of life."""
    at = practice.clock() - ago
    with writing(practice.engine) as session:
        for loop in health.WHAT:
            heartbeats.beat(session, loop, "test:1", now=at, tzdata="2026.6")
