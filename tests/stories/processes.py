"""Real `nextcount` processes, on the machine's clock, with a gateway that keeps a ledger."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches, lanes, protocols
from db.engine import reading, writing
from db.tables import Attempt, Channel, Consent, Contact, Course, Message, Patient
from schedules import days, library
from service.clock import WoundClock, machine
from service.flows import plans
from tests.service.channels.conftest import Peer
from tests.stories.conftest import Practice

SOON = 60  # seconds; a wait ends as soon as what it waits for is there
ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
from datetime import timedelta
from service.flows import reminders, sending
sending.LEASE = reminders.LEASE = timedelta(seconds=float(sys.argv.pop(1)))
from service.cli import main
sys.exit(main())
"""


def eventually(true: Callable[[], Any], *, within: float = SOON) -> Any:
    end = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def crowd(engine: Engine, count: int, address: str) -> Practice:
    """Patients whose first reminder was due this morning: it is noon where they live."""
    now = datetime.now(UTC)
    zone = f"Etc/GMT{now.hour - 12:+d}"  # its sign is the other way round
    practice = Practice(engine, WoundClock(now - timedelta(days=5)))
    practice.open(zone)
    start = days.local_day(now, days.zone(zone)) - timedelta(days=6)
    with writing(engine) as session:
        patients = batches.insert(session, Patient, [_person(practice, zone, n) for n in range(count)])
        of = [{"clinic_id": practice.clinic_id, "patient_id": patient["id"]} for patient in patients]
        reached = {"channel": "sms", "audience": "patient", "address": address}
        contacts = batches.insert(session, Contact, [one | reached for one in of])
        given = {"purpose": "reminders", "given": True, "source": "form", "wording": "neutral"}
        given |= {"channel": "sms", "at": practice.clock()}
        consents = [one | given | {"contact_id": c["id"]} for one, c in zip(of, contacts, strict=True)]
        batches.insert(session, Consent, consents)
        protocol = library.protocol("azathioprine-us-label")
        pinned = protocols.pin(session, practice.clinic_id, protocol, now=practice.clock())
        treated = {"protocol_id": protocol.id, "protocol_hash": pinned, "medicine": protocol.medicine.name}
        treated |= {"start": start, "created_at": practice.clock()}
        courses = batches.insert(session, Course, [one | treated for one in of])
        keys = [(course["clinic_id"], course["id"]) for course in courses]
        plans.apply(session, keys, now=practice.clock())
    return practice


def _person(practice: Practice, zone: str, number: int) -> dict[str, Any]:
    hours = {"preferred_time": datetime.min.time().replace(hour=9)}
    hours |= {"quiet_start": datetime.min.time().replace(hour=21)}
    hours |= {"quiet_end": datetime.min.time().replace(hour=8)}
    return hours | {
        "clinic_id": practice.clinic_id,
        "authority": "elm",
        "mrn": str(number),
        "name": f"Invented {number}",
        "birth_date": practice.clock().date() - timedelta(days=12_000),
        "time_zone": zone,
        "language": "en",
        "created_at": practice.clock(),
    }


@dataclass
class Fleet:
    """Processes on one database that send by one gateway."""

    engine: Engine
    gateway: Peer
    folder: Path
    lease: float = 60
    logs: dict[int, Path] = field(default_factory=dict)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        log = self.folder / f"log-{len(self.logs)}"
        self._release()
        with log.open("w") as file:
            process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(self.lease), *command],
                cwd=self.folder,
                env=self._environment(),
                stdout=subprocess.DEVNULL,
                stderr=file,
            )
        self.logs[process.pid] = log
        self.running.append(process)
        return process

    def _release(self) -> None:
        """Somebody has seen what goes to this gateway."""
        place = {Channel.SMS: f"127.0.0.1:{self.gateway.ports[0]}"}
        with writing(self.engine) as session:
            lanes.meet(session, place)
            for lane in lanes.lock(session, set(place)).values():
                lane.released_at, lane.released_by = machine(), "Dana Reyes"

    def stop(self, process: subprocess.Popen[bytes]) -> tuple[int, float]:
        """Tell it to stop; its exit code, and the seconds it took."""
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        code = process.wait(SOON)
        self.running.remove(process)
        return code, time.monotonic() - began

    def log(self, process: subprocess.Popen[bytes]) -> str:
        return self.logs[process.pid].read_text()

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("NEXTCOUNT_")}
        return kept | {
            "PYTHONPATH": str(ROOT),
            "NEXTCOUNT_DATABASE_URL": self.engine.url.render_as_string(hide_password=False),
            "NEXTCOUNT_WEBHOOK_URL": f"http://127.0.0.1:{self.gateway.ports[0]}/",
            "NEXTCOUNT_WEBHOOK_SECRET": "between the gateway and us",
            "NEXTCOUNT_WEBHOOK_PER_SECOND": "10000",
            "NEXTCOUNT_REMINDERS_EVERY": "0.3",
            "NEXTCOUNT_UPKEEP_EVERY": "1",
        }

    @property
    def posts(self) -> Counter[str]:
        """How often the gateway was asked to take each letter."""
        return Counter(entry["headers"]["Idempotency-Key"] for entry in self.gateway.ledger)

    def accepted(self) -> set[str]:
        messages = batches.table(Message)
        query = sa.select(messages.c.id).where(
            messages.c.channel == "sms", messages.c.accepted_at.is_not(None)
        )
        with reading(self.engine) as session:
            return {str(id_) for id_ in session.scalars(query)}

    def codes(self) -> Counter[str | None]:
        attempts = batches.table(Attempt)
        with reading(self.engine) as session:
            return Counter(session.scalars(sa.select(attempts.c.code).where(attempts.c.channel == "sms")))


@contextmanager
def fleet(engine: Engine, gateway: Peer, folder: Path, *, lease: float = 60) -> Iterator[Fleet]:
    found = Fleet(engine, gateway, folder, lease)
    try:
        yield found
    finally:
        for process in found.running:
            process.kill()
            process.wait(SOON)
