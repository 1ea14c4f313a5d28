"""A folder of records comes in, in one transaction: compare with what is stored, write the new, plan, judge.

What comes in starts paused: its courses' reminders wait until a named person releases it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel

from db import audit, batches, courses, imports, protocols, work_items
from db.batches import Key
from db.engine import reading, writing
from db.tables import Clinic, Consent, Contact, Course, CourseEvent, Import, Patient, Result
from db.types import new_id
from schedules import ladder
from schedules.protocol import Protocol
from service.flows import belongings, closed_days, entries, forwarding, histories, intake, plans, results
from service.flows.intake import Intake, NewClinics
from service.ingest import duplicates
from service.ingest.rows import Batch, Problem

FACTS: tuple[type[SQLModel], ...] = (Patient, Contact, Consent, Course, CourseEvent, Result)
TABLES = ("patients", "contacts", "courses", "events", "results")
PLANNED_AT_ONCE = 200
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a batch is to be taken in."""

    name: str  # of the folder
    by: str
    good_rows: bool = False  # take what is right although something is wrong
    clinics: NewClinics = field(default_factory=NewClinics)
    protocols: Mapping[str, Protocol] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a batch: its rows by table. `import_id` is null where nothing was written."""

    import_id: UUID | None
    new: Mapping[str, int]
    known: Mapping[str, int]
    refused: Mapping[str, int]
    errors: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def try_out(engine: Engine, batch: Batch, manner: Manner, *, now: datetime) -> Outcome:
    """What `take` would do, without doing it."""
    with reading(engine) as session:
        return foresee(session, batch, manner, now=now)


def foresee(session: Session, batch: Batch, manner: Manner, *, now: datetime) -> Outcome:
    """The same by a question of the caller's."""
    return _outcome(batch, _look(session, batch, manner, now), None)


def take(
    engine: Engine,
    batch: Batch,
    manner: Manner,
    *,
    now: datetime,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """Write what is new: all of it, or nothing when a row is refused and the good rows are not asked for."""
    with writing(engine) as session:
        return bring(session, batch, manner, now=now, progress=progress)


def bring(
    session: Session,
    batch: Batch,
    manner: Manner,
    *,
    now: datetime,
    progress: Progress = lambda done, total: None,
) -> Outcome:
    """The same in the caller's transaction."""
    imports.alone(session)
    found = _look(session, batch, manner, now)
    if not any(found.new.values()) or (found.errors and not manner.good_rows):
        return _outcome(batch, found, None)
    import_id = new_id()
    _write(session, found, import_id, manner)
    _plan(session, found, progress)
    results.judge(session, found.new[Result], now=now)
    forwarding.results(session, found.new[Result], now=now)
    for clinic_id in {row["clinic_id"] for row in found.new[CourseEvent]}:
        closed_days.look(session, clinic_id, now=now)
    _name_duplicates(session, found, batch)
    _record(session, found, import_id, manner)
    return _outcome(batch, found, import_id)


def _look(session: Session, batch: Batch, manner: Manner, now: datetime) -> Intake:
    found = intake.begin(session, batch, manner.clinics, now=now)
    known = imports.known(session, [person.key for person in found.people.values()])
    belongings.add_contacts(found, batch.contacts, known)
    stored = histories.stored(session, found, known)
    for row in batch.courses:
        histories.add_course(found, row, stored, manner.protocols)
    entries.add(found, batch.events, stored)
    belongings.add_results(found, batch.results, known)
    return found


def _outcome(batch: Batch, found: Intake, import_id: UUID | None) -> Outcome:
    read = {name: counts.refused for name, counts in batch.counts.items()}
    return Outcome(
        import_id=import_id,
        new={name: found.taken[name] for name in TABLES},
        known={name: found.known[name] for name in TABLES},
        refused={name: found.refused[name] + read.get(name, 0) for name in TABLES},
        errors=tuple(sorted(found.errors, key=lambda problem: problem.line)),
        warnings=batch.warnings,
    )


# ---- write


def _write(session: Session, found: Intake, import_id: UUID, manner: Manner) -> None:
    batches.insert(session, Clinic, found.clinics)
    batches.insert(session, Import, _imports(found, import_id, manner))
    for (clinic_id, _), protocol in found.pins.items():
        protocols.pin(session, clinic_id, protocol, now=found.now)
    for fact in FACTS:
        batches.insert(session, fact, (row | {"import_id": import_id} for row in found.new[fact]))


def _imports(found: Intake, import_id: UUID, manner: Manner) -> Iterator[dict[str, Any]]:
    """One row for each clinic to which this brings something, all under one id."""
    for clinic_id, counts in _counts(found).items():
        yield {
            "clinic_id": clinic_id,
            "id": import_id,
            "name": manner.name,
            "by": manner.by,
            "created_at": found.now,
            "counts": counts,
        }


def _counts(found: Intake) -> dict[UUID, dict[str, int]]:
    """How many new facts each clinic gets, by table."""
    by_clinic: dict[UUID, dict[str, int]] = {}
    for fact in FACTS:
        for clinic_id, count in Counter(row["clinic_id"] for row in found.new[fact]).items():
            by_clinic.setdefault(clinic_id, {})[str(fact.__tablename__)] = count
    return by_clinic


def _plan(session: Session, found: Intake, progress: Progress) -> None:
    """Plan every course of the patients of whom something new is known."""
    keys = courses.of_patients(session, sorted(found.told))
    for done, some in enumerate(batches.batched(sorted(keys), PLANNED_AT_ONCE)):
        progress(done * PLANNED_AT_ONCE, len(keys))
        plans.apply(session, some, now=found.now)
    progress(len(keys), len(keys))


# ---- tell


def _name_duplicates(session: Session, found: Intake, batch: Batch) -> None:
    """Two records that may be one patient are a person's to look at, once: when one of them is new."""
    new = {row["id"] for row in found.new[Patient]}
    rows: list[dict[str, Any]] = []
    for pair in duplicates.pairs(batch.patients, batch.results):
        both = [found.people[key] for key in (pair.one, pair.other) if key in found.people]
        ids = sorted(str(person.id) for person in both)
        newest = next((person for person in both if person.id in new), None)
        if len(both) == 2 and newest is not None:
            rows.append(_possible_duplicate(newest.key, ids, found.now))
    work_items.raise_(session, {row["key"]: row for row in rows}.values(), now=found.now)


def _possible_duplicate(patient: Key, ids: list[str], now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": patient[0],
        "patient_id": patient[1],
        "kind": "possible-duplicate",
        "level": "routine",
        "role": "coordinator",
        "key": f"possible-duplicate/{'/'.join(ids)}",
        "due_by": now + ladder.DUE_BY["routine"],
    }


def _record(session: Session, found: Intake, import_id: UUID, manner: Manner) -> None:
    for clinic_id, counts in _counts(found).items():
        audit.record(
            session, clinic_id, manner.by, "import", subject=("import", str(import_id)), now=found.now,
            import_id=import_id, detail=counts,
        )  # fmt: skip
