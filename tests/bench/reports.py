"""Reports of so many patients with 50 items each, beside a sequential scan of the same table."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from functools import cache, partial
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, SQLModel
from starlette.testclient import TestClient

from db import batches, protocols
from db.adherence import Scope
from db.engine import make_engine, reading, writing
from db.tables import Clinic, Course, CourseEvent, Item, Patient
from schedules import library
from schedules.groups import By
from service.app import create_app
from service.flows import prescribing, reports
from service.flows.reports import Question
from tests.bench import table
from tests.bench.ground import Fill, Ground
from tests.bench.race import Lap

NOW = datetime(2026, 3, 2, 15, tzinfo=UTC)
BEFORE = datetime(2021, 1, 1, tzinfo=UTC)
CLINICS, FIRST, ITEMS, BATCH = 200, 2000, 50, 10_000
TABLES = {"patient": 2, "course": 3, "course_event": 4, "item": 6}
IDS = {"id": 0, "patient_id": 2, "course_id": 3}
Rows = Iterator[dict[str, Any]]


# ---- seeding


def fill(patients: int) -> Fill:
    return partial(seed, patients=patients)


def seed(engine: Engine, patients: int) -> None:
    """The first patients one by one, the others as their copies, by SQL; the indexes of items at last."""
    indexes = batches.table(Item).indexes
    with writing(engine) as session:
        for index in indexes:
            index.drop(session.connection())
        _insert(session, Clinic, map(clinic, range(CLINICS)))
        protocol = library.protocol("azathioprine-us-label")
        hashes = [protocols.pin(session, UUID(int=1 + n), protocol, now=BEFORE) for n in range(CLINICS)]
        people = range(min(FIRST, patients))
        _insert(session, Patient, map(patient, people))
        _insert(session, Course, (course(n, hashes[0]) for n in people))
        _insert(session, CourseEvent, (event for n in people if n % 100 == 0 for event in holds(n)))
        _insert(session, Item, (item(n, k) for n in people for k in range(1, ITEMS + 1)))
    for number in range(1, patients // FIRST):
        with writing(engine) as session:
            if engine.dialect.name == "postgresql":
                session.execute(sa.text("SET LOCAL session_replication_role = replica"))  # nothing to look up
            for model in (Patient, Course, CourseEvent, Item):
                session.execute(sa.text(copying(engine, batches.table(model), number)))
    with writing(engine) as session:
        for index in indexes:
            index.create(session.connection())


def _insert(session: Session, model: type[SQLModel], rows: Rows) -> None:
    for batch in batches.batched(rows, BATCH):
        session.execute(sa.insert(batches.table(model)), batches.complete(model, batch))


def copying(engine: Engine, rows: sa.Table, number: int) -> str:
    """The INSERT of one more copy of the first patients: the upper half of an id says which copy it is."""
    sqlite = engine.dialect.name == "sqlite"

    def lower(column: str) -> str:
        return f"substr({column}, 17)" if sqlite else f"substr(replace({column}::text, '-', ''), 17)"

    def copied(column: str) -> str:
        if column in IDS:
            table = TABLES[rows.name] if column == "id" else IDS[column]
            text = f"'{(number << 8) + table:016x}' || {lower(column)}"
            return text if sqlite else f"({text})::uuid"
        return f"mrn || '-{number}'" if column == "mrn" else f'"{column}"'

    names = [column.name for column in rows.columns]
    upper = UUID(int=1 << 72)
    first = f"'{upper.hex}'" if sqlite else f"'{upper}'"
    columns, values = ", ".join(f'"{name}"' for name in names), ", ".join(map(copied, names))
    return f"INSERT INTO {rows.name} ({columns}) SELECT {values} FROM {rows.name} WHERE id < {first}"


def clinic(n: int) -> dict[str, Any]:
    row = {"id": UUID(int=1 + n), "name": f"Clinic {n}", "phone": "+1 202-555-0100"}
    return row | {"emergency_number": "911", "time_zone": "America/New_York", "created_at": BEFORE}


def key(n: int, table: int) -> dict[str, Any]:
    return {"clinic_id": UUID(int=1 + n % CLINICS), "id": UUID(int=(table << 64) + n)}


def patient(n: int) -> dict[str, Any]:
    zone = "Europe/London" if n % 3 == 0 else "America/New_York"
    row = key(n, 2) | {"authority": "bench", "mrn": f"M{n}", "name": f"Patient {n}", "time_zone": zone}
    row |= {"birth_date": date(1936, 1, 1) + timedelta(days=n % 25_000), "language": "en"}
    return row | {"preferred_time": time_of_day(9), "created_at": BEFORE}


def start(n: int) -> date:
    return date(2022, 1, 10) + timedelta(days=n % 60)


def course(n: int, digest: str) -> dict[str, Any]:
    row = key(n, 3) | {"patient_id": UUID(int=(2 << 64) + n), "protocol_id": "azathioprine-us-label"}
    return row | {
        "protocol_hash": digest,
        "medicine": "azathioprine",
        "start": start(n),
        "created_at": BEFORE,
    }


def holds(n: int) -> Rows:
    """One course in a hundred was held for two weeks."""
    for number, (kind, day) in enumerate((("hold", 500), ("resume", 514))):
        row = key(n, 4) | {"id": UUID(int=(4 << 64) + 2 * n + number)}
        row |= {"course_id": UUID(int=(3 << 64) + n), "type": kind, "reason": "planned"}
        yield row | {"on": start(n) + timedelta(days=day), "recorded_at": BEFORE}


def item(n: int, k: int) -> dict[str, Any]:
    """Every 30 days: of a hundred 80 on time, 12 late, 4 missed, 4 covered; the last one open."""
    due, chance, off = start(n) + timedelta(days=30 * k), (n * 31 + k * 17) % 100, (n * 7 + k * 3) % 12 - 4
    off = off if chance < 80 else 12 + off
    class_ = "on-time" if chance < 80 else "late" if chance < 92 else "missed" if chance < 96 else "covered"
    came = None if k == ITEMS else due + timedelta(days=off)
    row = key(n, 6) | {"id": UUID(int=(6 << 64) + n * 100 + k), "course_id": UUID(int=(3 << 64) + n)}
    row |= {"patient_id": UUID(int=(2 << 64) + n), "clock": "blood-count", "ordinal": k, "kind": "test"}
    row |= {"version": 1, "version_at": BEFORE, "phase": "0" if k < 5 else "1" if k < 9 else "2"}
    row |= {"base": due - timedelta(days=30), "due_on": due, "opens_on": due - timedelta(days=7)}
    row |= {"last_on_time": due + timedelta(days=7), "lapses_on": due + timedelta(days=14)}
    row |= {"ladder": "standard", "why": f"P1M after {due}, phase 2 of blood-count (azathioprine-us-label)"}
    collected = came if chance < 92 else None
    return row | {"class_": None if came is None else class_, "collected_on": collected, "closed_on": came}


# ---- measuring

ONE = UUID(int=1)
SCAN = "a scan of the table"
Ask = Callable[[Engine], object]


def report(engine: Engine, **question: Any) -> reports.Report:
    return reports.adherence(engine, Question(**question, answers=False), now=NOW)


def scan(engine: Engine) -> object:
    """Every row of the table, read one after the other."""
    hint = " NOT INDEXED" if engine.dialect.name == "sqlite" else ""
    with reading(engine) as session:
        return session.scalar(sa.text(f"SELECT sum(version) FROM item{hint}"))


def page(engine: Engine, address: str) -> object:
    return _client(engine).get(address).raise_for_status()


@cache
def _client(engine: Engine) -> TestClient:
    return TestClient(create_app(engine, lambda: NOW), base_url="http://localhost")


ASKED: Mapping[str, Ask] = {
    SCAN: scan,
    **{f"adherence by {by.value}": partial(report, by=by) for by in By},
    "adherence of a year": partial(report, first=date(2025, 3, 3)),
    "adherence of one clinic": partial(report, clinic_id=ONE),
    "prescribing status of one clinic": partial(prescribing.standings, scope=Scope(clinic_id=ONE), now=NOW),
    "patients without a next date": partial(prescribing.without_next_date, scope=Scope(), now=NOW),
    "the front page": partial(page, address="/"),
}


def cases(patients: int) -> dict[str, Callable[[Ground], Lap]]:
    return {
        f"{name}, {kind}": partial(_lap, kind=kind, patients=patients, ask=ask)
        for kind in ("sqlite", "postgresql")
        for name, ask in ASKED.items()
    }


def _lap(there: Ground, *, kind: str, patients: int, ask: Ask) -> Lap:
    url = there.original(kind, f"items{patients}", fill(patients))
    engine = _engine(url.render_as_string(hide_password=False))
    began = time.perf_counter()
    ask(engine)
    return Lap(handled=1, seconds=time.perf_counter() - began, processor=0)


@cache
def _engine(url: str) -> Engine:
    return make_engine(url)


def told(laps: Mapping[str, list[Lap]]) -> str:
    spent = {name: [lap.seconds for lap in some] for name, some in laps.items()}
    lines = (
        (name, table.spread(some), table.ratio(some, spent[f"{SCAN}, {name.rpartition(', ')[2]}"]))
        for name, some in spent.items()
    )
    return table.rows(("reports", "seconds", "beside a scan"), lines)
