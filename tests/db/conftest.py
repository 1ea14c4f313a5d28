from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import batches, protocols
from db.batches import Key
from db.engine import writing
from db.tables import Clinic, Course, Item, Message, Patient, Reminder
from db.types import new_id
from schedules import facts
from schedules import protocol as protocol_files
from schedules.protocol import Protocol

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def a_protocol() -> Protocol:
    return protocol_files.build(
        {
            "id": "monthly-count",
            "version": 1,
            "title": "A count every month",
            "medicine": {"name": "azathioprine"},
            "source": {"title": "A test", "evidence": "product-choice"},
            "clocks": [
                {"id": "count", "kind": "test", "panel": ["wbc", "plt"], "phases": [{"every": "P1M"}]}
            ],
        }
    )


def planned(**changes: Any) -> facts.Item:
    values = {
        "clock": "count",
        "kind": "test",
        "ordinal": 1,
        "phase": 0,
        "base": date(2026, 2, 1),
        "due_on": date(2026, 3, 1),
        "opens_on": date(2026, 2, 22),
        "last_on_time": date(2026, 3, 8),
        "lapses_on": date(2026, 3, 15),
        "ladder": "short",
        "why": "every month",
    }
    return facts.Item(**(values | changes))


@dataclass
class House:
    """One clinic with one patient on one course; rows of other kinds by their columns."""

    engine: Engine
    clinic_id: UUID = field(default_factory=new_id)
    patient_id: UUID = field(default_factory=new_id)
    course_id: UUID = field(default_factory=new_id)

    @property
    def course(self) -> Key:
        return self.clinic_id, self.course_id

    @property
    def patient(self) -> Key:
        return self.clinic_id, self.patient_id

    def found(self, session: Session, name: str = "Elm Street") -> None:
        session.add(
            Clinic(
                id=self.clinic_id,
                name=name,
                phone="+1 202-555-0100",
                emergency_number="911",
                time_zone="America/New_York",
                created_at=NOW,
            )
        )
        session.flush()
        batches.insert(session, Patient, [self.someone(id=self.patient_id)])
        digest = protocols.pin(session, self.clinic_id, a_protocol(), now=NOW)
        batches.insert(session, Course, [self.a_course(digest, id=self.course_id)])

    def someone(self, **columns: Any) -> dict[str, Any]:
        values = {
            "clinic_id": self.clinic_id,
            "authority": "elm",
            "mrn": "1",
            "name": "Ada Invented",
            "birth_date": date(1980, 1, 1),
            "time_zone": "America/New_York",
            "language": "en",
            "preferred_time": time(9),
            "created_at": NOW,
        }
        return values | columns

    def a_course(self, digest: str, **columns: Any) -> dict[str, Any]:
        values = {
            "clinic_id": self.clinic_id,
            "patient_id": self.patient_id,
            "protocol_id": "monthly-count",
            "protocol_hash": digest,
            "medicine": "azathioprine",
            "start": date(2026, 2, 1),
            "created_at": NOW,
        }
        return values | columns

    def add(self, model: Any, **columns: Any) -> UUID:
        """One committed row; its id."""
        with writing(self.engine) as session:
            [row] = batches.insert(session, model, [{"clinic_id": self.clinic_id} | columns])
        return UUID(str(row["id"]))

    def message(self, **columns: Any) -> UUID:
        values = {
            "patient_id": self.patient_id,
            "audience": "patient",
            "channel": "outbox",
            "send_at": NOW,
            "created_at": NOW,
        }
        return self.add(Message, **(values | columns))

    def item(self, **columns: Any) -> UUID:
        plain = {name: getattr(planned(), name) for name in planned().__dataclass_fields__}
        values = {"course_id": self.course_id, "patient_id": self.patient_id, "version": 1, "version_at": NOW}
        return self.add(Item, **(plain | {"phase": "0", "missing": []} | values | columns))

    def reminder(self, item_id: UUID, **columns: Any) -> UUID:
        values = {
            "item_id": item_id,
            "patient_id": self.patient_id,
            "version": 1,
            "track": "patient",
            "rung": "due-day",
            "position": 1,
            "day": date(2026, 3, 1),
            "at_local": "09:00",
            "zone": "America/New_York",
            "tzdata_version": "2026.6",
            "send_at": NOW,
            "effect": "message",
        }
        return self.add(Reminder, **(values | columns))


@pytest.fixture
def raw_house(raw_engine: Engine) -> House:
    """A clinic in which a test may break the invariants."""
    house = House(raw_engine)
    with writing(raw_engine) as session:
        house.found(session)
    return house


@pytest.fixture
def house(raw_house: House, engine: Engine) -> House:
    return raw_house
