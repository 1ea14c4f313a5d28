"""A patient is entered, found, read and changed: the import's rules, one patient at a time."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, batches, clinics, contacts, courses, imports, merges, patients
from db.batches import Key
from db.tables import Clinic, Consent, Contact, Patient
from service.errors import Fault, Problem
from service.flows import belongings, intake, plans, zones
from service.flows.intake import Columns, NewClinics
from service.ingest import build, cells
from service.ingest.build import Options
from service.ingest.rows import Batch, Line
from service.ingest.rows import Problem as Wrong

Built = TypeVar("Built")
BODY = Line("body", 1)
NOTHING_HERE = "There is nothing at this address."
VERSION_IS_OLD = "It was changed since you read it: read it again."
PLACED = ("time_zone", "language")
REPLANNED = frozenset({"time_zone"})
RECOMPUTED = frozenset({"time_zone", "preferred_time", "quiet_start", "quiet_end"})


@dataclass(frozen=True, slots=True)
class Chart:
    """A patient's own row, and how the person and the carer are reached."""

    row: sa.Row
    contacts: Sequence[sa.Row]
    consents: Mapping[UUID, sa.Row]  # by contact the newest answer


def create(
    session: Session,
    clinic_id: UUID,
    said: Columns,
    contacts_said: Sequence[Columns],
    *,
    by: str,
    now: datetime,
) -> Chart:
    """Problem when the record cannot be, or its number is a patient's already."""
    house = _clinic(session, clinic_id)
    batch = _batch(house.name, said, contacts_said)
    found = intake.begin(session, batch, NewClinics(), now=now)
    people = [person.key for person in found.people.values()]
    if not found.errors:
        belongings.add_contacts(found, batch.contacts, imports.known(session, people))
    if found.errors:
        _refuse(found.errors)
    if not found.new[Patient]:
        raise Problem(409, "The clinic has a patient with this number.")
    for model in (Patient, Contact, Consent):
        batches.insert(session, model, found.new[model])
    [key] = people
    _record(session, key, by, "create patient", now=now)
    return chart(session, key)


def _batch(clinic: str, said: Columns, contacts_said: Sequence[Columns]) -> Batch:
    whose = {"clinic": clinic, "authority": said["authority"], "mrn": said["mrn"]}
    person = _built(build.patient, BODY, {"clinic": clinic, **said})
    those = [
        _built(build.contact, Line("body.contacts", number), {**whose, **one})
        for number, one in enumerate(contacts_said)
    ]
    return Batch(patients=(person,), contacts=tuple(those))


def _built(make: Callable[[Line, Columns, Options], Built], line: Line, columns: Columns) -> Built:
    """A row as the import builds it. Problem when it cannot be."""
    try:
        return make(line, columns, Options())
    except cells.Refused as wrong:
        _refuse([Wrong(line, wrong.column, wrong.what, wrong.remedy)])


def _refuse(wrong: Sequence[Wrong]) -> NoReturn:
    if any("is stored for this patient" in one.what for one in wrong):
        raise Problem(409, "The clinic has a patient with this number.")
    faults = [Fault(_place(one), f"{one.what}; {one.remedy}") for one in wrong]
    raise Problem(422, "The request is not valid.", errors=faults)


def _place(wrong: Wrong) -> str:
    where = "body" if wrong.line == BODY else f"{wrong.line.file}.{wrong.line.number}"
    return f"{where}.{wrong.column}" if wrong.column else where


def _clinic(session: Session, clinic_id: UUID) -> Clinic:
    found = clinics.get(session, clinic_id)
    if found is None:
        raise Problem(404, NOTHING_HERE)
    return found


def find(
    session: Session,
    clinic_id: UUID,
    *,
    mrn: str | None,
    name: str | None,
    after: UUID | None,
    limit: int,
) -> Sequence[sa.Row]:
    """Patients by number, also a former one, or by a part of the name, the first entered first."""
    former = {id_ for (_, number), id_ in merges.former(session, clinic_id).items() if number == mrn}
    return patients.find(session, clinic_id, mrn=mrn, former=former, name=name, after=after, limit=limit)


def read(session: Session, key: Key, *, by: str, now: datetime) -> Chart:
    """With an entry in the audit: who read it, when."""
    found = chart(session, key)
    _record(session, key, by, "read patient", now=now)
    return found


def chart(session: Session, key: Key) -> Chart:
    row = patients.row(session, key)
    if row is None:
        raise Problem(404, NOTHING_HERE)
    return Chart(row, *contacts.with_answers(session, key))


def change(session: Session, key: Key, said: Columns, *, version: int, by: str, now: datetime) -> Chart:
    """Change these columns of a patient. Problem when the result cannot be, or another changed it first."""
    patients.lock(session, key)
    before = chart(session, key).row
    if before.version != version:
        raise Problem(412, VERSION_IS_OLD)
    _free(session, key, before, said)
    whole = {name: getattr(before, name) for name in (*intake.OF_A_PATIENT, *PLACED)} | said
    _built(build.patient, BODY, {"clinic": "", **whole})
    if not patients.change(session, key, said, version=version):
        raise Problem(412, VERSION_IS_OLD)
    _record(session, key, by, "change patient", now=now, detail={"columns": sorted(said)})
    mine = courses.of_patients(session, [key])
    if REPLANNED & said.keys():
        plans.apply(session, mine, now=now)
    if RECOMPUTED & said.keys():
        zones.again(session, mine, now=now)
    return chart(session, key)


def _free(session: Session, key: Key, before: sa.Row, said: Columns) -> None:
    """Problem when the number that it is to have is another's, or was before two records became one."""
    number = before.authority, said.get("mrn", before.mrn)
    if merges.by_number(session, key[0], [number]).get(number, key[1]) != key[1]:
        raise Problem(409, "The clinic has a patient with this number.")


def _record(
    session: Session, key: Key, by: str, action: str, *, now: datetime, detail: dict[str, Any] | None = None
) -> None:
    audit.record(session, key[0], by, action, subject=("patient", str(key[1])), now=now, detail=detail)
