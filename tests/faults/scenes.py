"""Scenes: databases in which reminders are due, and a place for each with a clock and a ledger of its own."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.engine import URL, make_url
from sqlmodel import Session

from db import batches, migrations, protocols
from db.engine import make_engine, writing
from db.tables import Consent, Contact, Course, Patient, Result
from schedules import library
from service.clock import WoundClock
from service.flows import plans
from tests.conftest import database_of_its_own
from tests.faults.lives import NINE, World
from tests.stories.conftest import Practice

PROTOCOL = library.protocol("azathioprine-us-label")
START = date(2026, 1, 5)
FEW = ("ok", "ok", "500", "429", "reset")  # what the provider does with each patient's letters
TESTED = "tested"  # a result of this patient is known and not planned yet
POISON = "poison"
WORDINGS = {POISON: "blood-test"}
HERE = Path(__file__).parent


@dataclass(slots=True)
class Stage:
    """A folder, a provider, and perhaps a server of PostgreSQL: where scenes are set."""

    folder: Path
    provider: int
    postgresql: URL | None
    ends: ExitStack
    templates: dict[tuple[str, tuple[str, ...]], URL] = field(default_factory=dict)
    _numbers: Any = field(default_factory=count)

    def prepare(self, database: str, addresses: Sequence[str]) -> None:
        """Make the template of a scene, once."""
        key = (database, tuple(addresses))
        if key in self.templates:
            return
        url = self._empty(database)
        engine = make_engine(url)
        migrations.upgrade(engine)
        seed(Practice(engine, WoundClock(datetime(2026, 1, 5, tzinfo=UTC))), addresses)
        engine.dispose()
        self.templates[key] = url

    @contextmanager
    def scene(self, database: str, addresses: Sequence[str], kind: str) -> Iterator[World]:
        """A copy of the scene, which nobody has touched."""
        name = f"scene-{next(self._numbers)}"
        template = self.templates[database, tuple(addresses)]
        with self._copy(template, name) as url:
            yield World(
                url=url.render_as_string(hide_password=False),
                clock=self.folder / f"{name}.clock",
                provider=self.provider,
                ledger=self.folder / f"{name}.ledger",
                kind=kind,
            )
        for file in self.folder.glob(f"{name}.*"):
            file.unlink(missing_ok=True)

    def _empty(self, database: str) -> URL:
        if database == "sqlite":
            return make_url(f"sqlite:///{self.folder / f'template-{next(self._numbers)}.sqlite3'}")
        assert self.postgresql is not None
        return self.ends.enter_context(database_of_its_own(self.postgresql, f"faults_{uuid4().hex}"))

    @contextmanager
    def _copy(self, template: URL, name: str) -> Iterator[URL]:
        if template.get_backend_name() == "sqlite":
            file = self.folder / f"{name}.sqlite3"
            shutil.copy(template.database or "", file)
            yield make_url(f"sqlite:///{file}")
            return
        assert self.postgresql is not None
        own = f"faults_{uuid4().hex}"
        with database_of_its_own(self.postgresql, own, template=template.database) as url:
            yield url


@contextmanager
def stage(folder: Path, postgresql: URL | None) -> Iterator[Stage]:
    command = [sys.executable, str(HERE / "provider.py"), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process, ExitStack() as ends:
        assert process.stdout is not None
        try:
            yield Stage(folder, int(process.stdout.readline()), postgresql, ends)
        finally:
            process.kill()


def seed(practice: Practice, addresses: Sequence[str]) -> None:
    practice.open("America/New_York")
    people = _patients(practice, (*addresses, TESTED))
    _know_a_test(practice, people[-1])


def _patients(practice: Practice, addresses: Sequence[str]) -> list[UUID]:
    """Patients with one contact each, who begin on one day; whose address is POISON reads another wording."""
    hours = {"preferred_time": time(9), "quiet_start": time(21), "quiet_end": time(8)}
    common = {"clinic_id": practice.clinic_id, "created_at": practice.clock()}
    person = common | hours | {"authority": "elm", "birth_date": date(1980, 1, 1), "language": "en"}
    with writing(practice.engine) as session:
        own = [{"name": at, "mrn": str(n), "wording": WORDINGS.get(at)} for n, at in enumerate(addresses)]
        rows = [person | {"time_zone": "America/New_York"} | _given(one) for one in own]
        people = [row["id"] for row in batches.insert(session, Patient, rows)]
        way = {"clinic_id": practice.clinic_id, "channel": "sms"}
        ways = zip(people, addresses, strict=True)
        rows = [way | {"audience": "patient", "patient_id": id_, "address": at} for id_, at in ways]
        contacts = batches.insert(session, Contact, rows)
        agreed = {"purpose": "reminders", "given": True, "source": "form", "wording": "neutral"}
        agreed |= way | {"at": practice.clock()}
        rows = [agreed | {"patient_id": one["patient_id"], "contact_id": one["id"]} for one in contacts]
        batches.insert(session, Consent, rows)
        _begin(session, practice, people)
    return people


def _given(columns: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in columns.items() if value is not None}


def _begin(session: Session, practice: Practice, people: Sequence[UUID]) -> None:
    course = {
        "clinic_id": practice.clinic_id,
        "protocol_id": PROTOCOL.id,
        "protocol_hash": protocols.pin(session, practice.clinic_id, PROTOCOL, now=practice.clock()),
        "medicine": PROTOCOL.medicine.name,
        "start": START,
        "created_at": practice.clock(),
    }
    made = batches.insert(session, Course, [course | {"patient_id": id_} for id_ in people])
    for some in batches.batched([(practice.clinic_id, row["id"]) for row in made]):
        plans.apply(session, some, now=practice.clock())


def _know_a_test(practice: Practice, patient: Any) -> None:
    """A test that closes the item that is due: the loop of upkeep plans it, on the day of the scene."""
    known = {"clinic_id": practice.clinic_id, "patient_id": patient, "recorded_at": practice.clock()}
    test = {"status": "final", "usable": True, "source": "test", "value_as_sent": "", "unit_as_sent": ""}
    names = sorted(PROTOCOL.clocks[0].components)
    courses = batches.table(Course)
    again = courses.update().where(courses.c.patient_id == patient).values(replan_on=NINE.date())
    with writing(practice.engine) as session:
        rows = [known | test | {"analyte": name, "collected_on": date(2026, 1, 11)} for name in names]
        batches.insert(session, Result, rows)
        session.execute(again)
