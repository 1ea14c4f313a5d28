"""Dated records of children on mercaptopurine and methotrexate: two date formats, holds as dose 0.

The records are GPL and are not in this repository: they are read from the folder in NEXTCOUNT_TEST_DATA.
"""

import csv
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches
from db.engine import reading
from db.tables import Course, CourseEvent, Patient, Result, WorkItem
from schedules import protocol as protocols
from schedules.facts import EventType
from service.flows import imports
from service.flows.imports import Manner, Outcome
from service.flows.intake import NewClinics
from service.ingest import folder, mapping

MAPS = Path(__file__).parents[1] / "data/allmt_map"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
KOLKATA = NewClinics(time_zone="Asia/Kolkata", phone="+91 33 0000 0000", emergency_number="112")


@pytest.fixture(scope="session")
def records() -> Path:
    data = os.environ.get("NEXTCOUNT_TEST_DATA")
    if not data:
        pytest.skip("allMT: set NEXTCOUNT_TEST_DATA to the folder that has longitudinal/allmt_6mp_mtx")
    return Path(data) / "longitudinal/allmt_6mp_mtx"


def take(engine: Engine, records: Path, map_file: str = "map.toml", **manner: Any) -> Outcome:
    protocol = protocols.parse((MAPS / "protocol.toml").read_bytes())
    values = {"name": "allmt", "by": "Kim", "clinics": KOLKATA, "protocols": {protocol.id: protocol}} | manner
    batch = folder.read(records, mapping.load(MAPS / map_file))
    return imports.take(engine, batch, Manner(**values), now=NOW)


def of(engine: Engine, model: Any, *columns: str) -> list[Any]:
    rows = batches.table(model)
    with reading(engine) as session:
        return list(session.execute(sa.select(*(rows.c[name] for name in columns))).all())


def rows_in(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_two_date_formats_come_in_side_by_side(engine: Engine, records: Path) -> None:
    outcome = take(engine, records)
    assert outcome.errors == ()
    numbers = {row.id: row.mrn for row in of(engine, Patient, "id", "mrn")}
    starts = {numbers[row.patient_id]: str(row.start) for row in of(engine, Course, "patient_id", "start")}
    assert starts == {"1": "2021-01-07", "2": "2021-01-07", "914": "2020-11-10", "915": "2019-08-29"}


def test_every_count_of_the_files_is_a_result(engine: Engine, records: Path) -> None:
    take(engine, records)
    told = sum(
        bool(row[name].strip() not in ("", "NA"))
        for path in records.glob("UPN_*.csv")
        for row in rows_in(path)
        for name in ("ANC", "PLT", "Hb")
    )
    assert len(of(engine, Result, "id")) == told > 400


def test_a_dose_of_0_is_a_hold_and_the_next_dose_its_resume(engine: Engine, records: Path) -> None:
    take(engine, records)
    events = of(engine, CourseEvent, "type", "reason")
    holds = [event for event in events if event.type is EventType.HOLD]
    assert holds
    assert {event.reason for event in holds} == {"result"}
    assert 0 <= len(holds) - sum(event.type is EventType.RESUME for event in events) <= 4


def test_two_files_of_one_child_are_named_to_a_coordinator(engine: Engine, records: Path) -> None:
    take(engine, records)
    mrn = {str(row.id): row.mrn for row in of(engine, Patient, "id", "mrn")}
    work = [row for row in of(engine, WorkItem, "kind", "key", "role") if row.kind == "possible-duplicate"]
    assert [sorted(mrn[id_] for id_ in row.key.split("/")[1:]) for row in work] == [["1", "2"]]


def test_coming_in_again_changes_nothing(engine: Engine, records: Path) -> None:
    take(engine, records)
    again = take(engine, records)
    assert (again.import_id, again.errors) == (None, ())


def test_the_messy_files_are_refused_row_by_row(engine: Engine, records: Path) -> None:
    outcome = take(engine, records, "messy.toml", good_rows=True)
    assert outcome.import_id is None
    assert "no patient has this number" not in {error.what for error in outcome.errors}
    lines = {(error.line.file, error.line.number) for error in outcome.errors}
    for path in records.glob("external_UPN_*_messy.csv"):
        assert {number for name, number in lines if name == path.name} == set(
            range(2, len(rows_in(path)) + 2)
        )
    assert of(engine, Result, "id") == []
