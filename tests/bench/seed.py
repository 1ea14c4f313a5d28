"""Many patients: a few are enrolled and planned by the service itself, and their rows are multiplied."""

from datetime import UTC, date, datetime, time
from functools import partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import batches, protocols
from db.engine import writing
from db.tables import Clinic, Consent, Contact, Course, Item, Message, Patient, Reminder, WorkItem
from db.types import new_id
from schedules import library
from service.flows import plans

CLINICS = 10
START = date(2026, 1, 5)
BEGUN = datetime(2026, 1, 5, tzinfo=UTC)
DUE = datetime(2026, 1, 11, 14, tzinfo=UTC)  # the first rung, 09:00 in New York
MULTIPLIED = (Patient, Contact, Consent, Course, Item, Message, Reminder, WorkItem)
REFERENCES = ("id", "patient_id", "contact_id", "course_id", "item_id", "message_id")
NUMBERED = 10  # hexadecimal digits, the first of a copied id: an id sorts by the time it was made
NUMBERS = "WITH RECURSIVE copy(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM copy WHERE n < :copies)"


def people(engine: Engine, *, count: int, courses: int) -> None:
    """`count` patients in ten clinics, with a contact and this many courses, each with a rung due at DUE."""
    with writing(engine) as session:
        for number in range(CLINICS):
            _first(session, number, courses)
    with writing(engine) as session:
        for model in MULTIPLIED:
            multiply(session, model, count // CLINICS - 1)


def fill(count: int, courses: int = 1) -> partial[None]:
    return partial(people, count=count, courses=courses)


def _first(session: Session, number: int, courses: int) -> None:
    [house] = batches.insert(session, Clinic, [clinic(number)])
    [patient] = batches.insert(session, Patient, [person(house["id"], mrn="0")])
    mine = {"clinic_id": house["id"], "patient_id": patient["id"], "channel": "sms"}
    [contact] = batches.insert(session, Contact, [mine | {"audience": "patient", "address": "+12025550101"}])
    agreed = {"purpose": "reminders", "given": True, "source": "form", "wording": "neutral", "at": BEGUN}
    batches.insert(session, Consent, [mine | agreed | {"contact_id": contact["id"]}])
    digest = protocols.pin(session, house["id"], library.protocol("azathioprine-us-label"), now=BEGUN)
    rows = [course(house["id"], patient["id"], digest) for _ in range(courses)]
    keys = [(row["clinic_id"], row["id"]) for row in batches.insert(session, Course, rows)]
    plans.apply(session, keys, now=BEGUN)


def clinic(number: int) -> dict[str, Any]:
    called = {"phone": "+1 202-555-0100", "emergency_number": "911"}
    return {"name": f"Elm Street {number}", "time_zone": "America/New_York", "created_at": BEGUN} | called


def person(clinic_id: UUID, *, mrn: str) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "id": new_id(),
        "authority": "elm",
        "mrn": mrn,
        "name": "Ada Invented",
        "birth_date": date(1980, 1, 1),
        "time_zone": "America/New_York",
        "language": "en",
        "preferred_time": time(9),
        "quiet_start": time(21),
        "quiet_end": time(8),
        "created_at": BEGUN,
    }


def course(clinic_id: UUID, patient_id: UUID, digest: str) -> dict[str, Any]:
    return {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "protocol_id": "azathioprine-us-label",
        "protocol_hash": digest,
        "medicine": "azathioprine",
        "start": START,
        "created_at": BEGUN,
    }


def multiply(session: Session, model: Any, copies: int) -> None:
    """Each row again and again: other ids, another number, everything else as it was."""
    table = batches.table(model)
    columns = [column.name for column in table.columns]
    values = ", ".join(_value(session, name) for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    statement = (
        f"{NUMBERS} INSERT INTO {table.name} ({names}) SELECT {values} "
        f"FROM {table.name} AS r CROSS JOIN copy ORDER BY n, r.id"
    )
    session.execute(sa.text(statement), {"copies": copies})
    session.execute(sa.text(f"ANALYZE {table.name}"))  # or what refers to it looks through all of it


def _value(session: Session, name: str) -> str:
    postgres = session.get_bind().dialect.name == "postgresql"
    if name in REFERENCES and postgres:
        kept = f"substr(replace(r.\"{name}\"::text, '-', ''), {NUMBERED + 1})"
        return f"(lpad(to_hex(n), {NUMBERED}, '0') || {kept})::uuid"
    if name in REFERENCES:
        return f"printf('%0{NUMBERED}x', n) || substr(r.\"{name}\", {NUMBERED + 1})"
    return "cast(n AS text)" if name == "mrn" else f'r."{name}"'
