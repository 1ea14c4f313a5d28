"""A clinic whose days pass: facts arrive, the loops tick, and the clock is wound."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches, contacts, protocols
from db.batches import Key
from db.engine import reading, writing
from db.tables import (
    Clinic,
    Consent,
    Contact,
    Course,
    CourseEvent,
    Item,
    Message,
    Patient,
    Reminder,
    Result,
    WorkItem,
)
from db.types import new_id
from schedules import days
from schedules.protocol import Protocol
from service.channels import local
from service.clock import WoundClock
from service.flows import plans, reminders, upkeep


@dataclass
class Practice:
    engine: Engine
    clock: WoundClock
    clinic_id: UUID = field(default_factory=new_id)
    channels: Any = field(default_factory=local.channels)

    def open(self, zone: str) -> None:
        row = {
            "id": self.clinic_id,
            "name": "Elm Street",
            "phone": "+1 202-555-0100",
            "emergency_number": "911",
        }
        with writing(self.engine) as session:
            batches.insert(session, Clinic, [row | {"time_zone": zone, "created_at": self.clock()}])

    def patient(self, **columns: Any) -> UUID:
        values = {
            "clinic_id": self.clinic_id,
            "authority": "elm",
            "mrn": str(new_id()),
            "name": "Ada Invented",
            "birth_date": date(1980, 1, 1),
            "time_zone": "America/New_York",
            "language": "en",
            "preferred_time": time(9),
            "quiet_start": time(21),
            "quiet_end": time(8),
            "created_at": self.clock(),
        }
        with writing(self.engine) as session:
            [row] = batches.insert(session, Patient, [values | columns])
        return UUID(str(row["id"]))

    def contact(self, patient_id: UUID, *, given: bool = True, audience: str = "patient") -> UUID:
        values = {"clinic_id": self.clinic_id, "patient_id": patient_id, "channel": "sms"}
        consent = {"purpose": "reminders", "given": given, "source": "form", "wording": "neutral"}
        with writing(self.engine) as session:
            [row] = batches.insert(
                session, Contact, [values | {"audience": audience, "address": "+12025550101"}]
            )
            batches.insert(
                session, Consent, [values | consent | {"contact_id": row["id"], "at": self.clock()}]
            )
        return UUID(str(row["id"]))

    def withdraw_consent(self, patient_id: UUID, contact_id: UUID) -> None:
        consent = {"purpose": "reminders", "given": False, "source": "STOP", "wording": "neutral"}
        about = {"clinic_id": self.clinic_id, "patient_id": patient_id, "contact_id": contact_id}
        with writing(self.engine) as session:
            at = contacts.after_all(session, (self.clinic_id, patient_id), self.clock())
            batches.insert(session, Consent, [consent | about | {"channel": "sms", "at": at}])

    def course(self, patient_id: UUID, protocol: Protocol, start: date, **columns: Any) -> UUID:
        with writing(self.engine) as session:
            values = {
                "clinic_id": self.clinic_id,
                "patient_id": patient_id,
                "protocol_id": protocol.id,
                "protocol_hash": protocols.pin(session, self.clinic_id, protocol, now=self.clock()),
                "medicine": protocol.medicine.name,
                "start": start,
                "created_at": self.clock(),
            }
            [row] = batches.insert(session, Course, [values | columns])
        course_id = UUID(str(row["id"]))
        self.plan(course_id)
        return course_id

    def plan(self, *course_ids: UUID) -> None:
        keys: list[Key] = [(self.clinic_id, course_id) for course_id in course_ids]
        with writing(self.engine) as session:
            plans.apply(session, keys, now=self.clock())

    def learn(
        self, patient_id: UUID, *, results: list[dict[str, Any]] = (), events: list[dict[str, Any]] = ()
    ) -> None:  # type: ignore[assignment]
        """Facts that become known now; every course of the patient is planned again."""
        common = {"clinic_id": self.clinic_id, "recorded_at": self.clock()}
        drawn = {"patient_id": patient_id, "status": "final", "usable": True, "source": "test"}
        with writing(self.engine) as session:
            batches.insert(session, Result, [common | drawn | result for result in results])
            batches.insert(session, CourseEvent, [common | event for event in events])
            courses = batches.table(Course)
            mine = sa.select(courses.c.clinic_id, courses.c.id).where(courses.c.patient_id == patient_id)
            plans.apply(session, [(row.clinic_id, row.id) for row in session.execute(mine)], now=self.clock())

    def draw(self, patient_id: UUID, on: date, components: set[str], **values: float) -> None:
        rows = [
            {
                "analyte": name,
                "value": Decimal(str(values[name])) if name in values else None,
                "value_as_sent": "",
                "unit_as_sent": "",
                "collected_on": on,
            }
            for name in sorted(components)
        ]
        self.learn(patient_id, results=rows)

    def run_until(self, end: datetime, *, keep_up: bool = True) -> None:
        """Let the loops tick at every moment at which something is due before `end`."""
        while (due := self._next_due()) is not None and due < end:
            self.clock.wind(max(due, self.clock()))
            reminders.tick(self.engine, self.clock, self.channels)
        self.clock.wind(max(end, self.clock()))
        if keep_up:
            upkeep.tick(self.engine, self.clock)

    def _next_due(self) -> datetime | None:
        messages = batches.table(Message)
        waiting = sa.select(sa.func.min(messages.c.send_at)).where(messages.c.state == "waiting")
        with reading(self.engine) as session:
            return session.scalar(waiting)

    def rows(self, model: Any, *order: str) -> list[Any]:
        table = batches.table(model)
        query = sa.select(table).order_by(*(table.c[name] for name in order or ("id",)))
        with reading(self.engine) as session:
            return list(session.execute(query))

    @property
    def items(self) -> list[Any]:
        return self.rows(Item, "clock", "ordinal")

    @property
    def reminders(self) -> list[Any]:
        return self.rows(Reminder, "send_at", "position")

    @property
    def messages(self) -> list[Any]:
        """Of reminders: what else is sent is a notice."""
        return [row for row in self.rows(Message, "send_at", "id") if row.key is None]

    @property
    def notices(self) -> list[Any]:
        return [row for row in self.rows(Message, "send_at", "created_at", "id") if row.key is not None]

    @property
    def work(self) -> list[Any]:
        return self.rows(WorkItem, "opened_at", "id")


def local_moment(day: date, at: str, zone: str) -> datetime:
    return days.instant(day, time.fromisoformat(at), ZoneInfo(zone))


@pytest.fixture
def practice(engine: Engine) -> Practice:
    found = Practice(engine, WoundClock(datetime(2026, 1, 5, tzinfo=UTC)))
    found.open("America/New_York")
    return found


ONE_DAY = timedelta(days=1)
