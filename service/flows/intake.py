"""What of a batch is new, what is stored already, and what cannot be: decided before anything is written."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from db import clinics, merges, patients
from db.batches import Key
from db.tables import Clinic, Course, CourseEvent, Patient, Result
from db.types import new_id
from schedules import days
from schedules.facts import Event, EventType
from schedules.protocol import Protocol
from service import messages
from service.errors import Refused
from service.ingest.rows import Batch, PatientKey, PatientRow, Problem, Row
from service.messages import Sender

Columns = dict[str, Any]
LANGUAGE = "en"  # of a patient whose row names none: clinics have no language of their own
OF_A_PATIENT = (
    "authority", "mrn", "name", "birth_date", "preferred_time", "quiet_start", "quiet_end", "wording",
    "ended_on", "ended_reason",
)  # fmt: skip
PLANNED_FROM = (Course, CourseEvent, Result)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewClinics:
    """What clinics are given that are named for the first time."""

    time_zone: str | None = None
    phone: str | None = None
    emergency_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A patient, stored or new, to whom other rows can belong."""

    clinic_id: UUID
    id: UUID
    zone: ZoneInfo
    birth_date: date
    ending: Event | None

    @property
    def key(self) -> Key:
        return self.clinic_id, self.id


@dataclass(slots=True, kw_only=True)
class Intake:
    """The rows to insert, by table and in columns; and what became of every row of the batch."""

    now: datetime
    clinics: list[Columns] = field(default_factory=list)
    pins: dict[tuple[UUID, str], Protocol] = field(default_factory=dict)
    new: dict[type[SQLModel], list[Columns]] = field(default_factory=lambda: defaultdict(list))
    people: dict[PatientKey, Person] = field(default_factory=dict)
    taken: Counter[str] = field(default_factory=Counter)
    known: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    told: set[Key] = field(default_factory=set)  # patients of whose courses or results something is new
    errors: list[Problem] = field(default_factory=list)

    def refuse(self, row: Row, what: str, remedy: str, *, column: str | None = None) -> None:
        self.refused[row.table] += 1
        self.errors.append(Problem(row.line, column, what, remedy))

    def take(self, row: Row, *rows: tuple[type[SQLModel], Columns]) -> None:
        """Insert these for a row of the batch; without any it is stored already."""
        (self.taken if rows else self.known)[row.table] += 1
        for model, columns in rows:
            self.new[model].append(columns)
            if model in PLANNED_FROM:
                self.told.add(self.people[row.patient].key)

    def whose(self, row: Row) -> Person | None:
        """The patient of a row; the row is refused when there is none."""
        person = self.people.get(row.patient)
        if person is None:
            remedy = "add the patient, or correct the row of the patient"
            self.refuse(row, "no patient has this number", remedy, column="mrn")
        return person


def begin(session: Session, batch: Batch, given: NewClinics, *, now: datetime) -> Intake:
    """The clinics and patients of a batch."""
    intake = Intake(now=now, errors=list(batch.errors))
    rows: Sequence[Row] = [
        *batch.patients, *batch.contacts, *batch.courses, *batch.events, *batch.results,
    ]  # fmt: skip
    keys = dict.fromkeys(row.patient for row in rows)
    houses = _clinics(session, intake, [clinic for clinic, _, _ in keys], given)
    stored = _stored(session, houses, keys)
    intake.people = {key: person(row) for key, row in stored.items()}
    for row in batch.patients:
        _patient(intake, row, houses[row.clinic], stored.get(row.patient))
    return intake


def _clinics(
    session: Session, intake: Intake, names: Sequence[str], given: NewClinics
) -> dict[str, Mapping[str, Any]]:
    found: dict[str, Mapping[str, Any]] = {}
    for name in dict.fromkeys(names):
        stored = clinics.by_name(session, name)
        found[name] = stored.model_dump() if stored else _clinic(name, given, intake.now)
        if stored is None:
            intake.clinics.append(dict(found[name]))
    return found


def _sayable(sender: Sender) -> None:
    """Refused when a message could not begin with the clinic's name and end with its numbers."""
    if len(sender.clinic) > messages.LONGEST_NAME:
        raise Refused(
            "a clinic's name is too long: every message begins with it, "
            f"so shorten it to {messages.LONGEST_NAME} letters"
        )
    numbers = sender.phone, sender.emergency_number
    if not sender.can_be_called or max(map(len, numbers)) > messages.LONGEST_NUMBER:
        raise Refused(
            "--clinic-phone and --emergency-number: every message gives both, "
            f"so write digits, at most {messages.LONGEST_NUMBER} signs"
        )


def _clinic(name: str, given: NewClinics, now: datetime) -> Columns:
    if not given.time_zone or not given.phone or not given.emergency_number:
        raise Refused(
            f"the clinic {name} is not known yet: give --clinic-time-zone, --clinic-phone and "
            "--emergency-number, with which every new clinic begins"
        )
    _sayable(Sender(name, given.phone, given.emergency_number))
    return Clinic(
        name=name,
        phone=given.phone,
        emergency_number=given.emergency_number,
        time_zone=given.time_zone,
        created_at=now,
    ).model_dump()


def _stored(
    session: Session, houses: Mapping[str, Mapping[str, Any]], keys: Mapping[PatientKey, None]
) -> dict[PatientKey, sa.Row]:
    found: dict[PatientKey, sa.Row] = {}
    for name, house in houses.items():
        numbers = [(authority, mrn) for clinic, authority, mrn in keys if clinic == name]
        ids = merges.by_number(session, house["id"], numbers)
        rows = patients.of(session, [(house["id"], id_) for id_ in ids.values()])
        found |= {(name, *number): rows[id_] for number, id_ in ids.items()}
    return found


def person(row: sa.Row) -> Person:
    return Person(
        clinic_id=row.clinic_id,
        id=row.id,
        zone=days.zone(row.time_zone),
        birth_date=row.birth_date,
        ending=_ending(row.ended_on, row.ended_reason),
    )


def _ending(on: date | None, reason: Any) -> Event | None:
    return None if on is None else Event(on=on, type=EventType(reason.value))


def _patient(intake: Intake, row: PatientRow, house: Mapping[str, Any], stored: sa.Row | None) -> None:
    columns = _columns(row, house)
    if row.birth_date > days.local_day(intake.now, days.zone(columns["time_zone"])):
        intake.refuse(row, "the date of birth is still to come", "correct the date", column="birth_date")
        return
    if stored is None:
        person = Person(
            clinic_id=house["id"],
            id=new_id(),
            zone=days.zone(columns["time_zone"]),
            birth_date=row.birth_date,
            ending=_ending(row.ended_on, row.ended_reason),
        )
        intake.people[row.patient] = person
        ended_at = None if row.ended_on is None else intake.now
        dated = {"id": person.id, "created_at": intake.now, "ended_recorded_at": ended_at}
        intake.take(row, (Patient, columns | dated))
        return
    if (stored.authority, stored.mrn) != (row.authority, row.mrn):
        columns = {"birth_date": row.birth_date}  # a number of before two records became one
    said = columns if row.ended_on else {k: v for k, v in columns.items() if not k.startswith("ended_")}
    if name := differs(stored, said):
        what = f"another {name} is stored for this patient"
        intake.refuse(row, what, "correct the row, or undo the import that said otherwise")
    else:
        intake.take(row)


def _columns(row: PatientRow, house: Mapping[str, Any]) -> Columns:
    return {name: getattr(row, name) for name in OF_A_PATIENT} | {
        "clinic_id": house["id"],
        "time_zone": row.time_zone or house["time_zone"],
        "language": row.language or LANGUAGE,
    }


def differs(stored: sa.Row, columns: Mapping[str, Any]) -> str | None:
    """The first column of which a stored row says something else."""
    return next((name for name, value in columns.items() if getattr(stored, name) != value), None)
