"""The records of a real trial come in whole: thirteen clinics, 17,853 results, every one accounted for."""

import time
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db.engine import writing
from db.tables import METADATA
from schedules import protocol as protocols
from service.flows import imports, releases
from service.flows.imports import Manner, Outcome
from service.flows.intake import NewClinics
from service.ingest import folder, mapping
from service.ingest.rows import Batch
from tests.service.records import snapshot

DATA = Path(__file__).parents[1] / "data/cdisc_pilot"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
LONGEST = 30  # seconds
FACTS = {"clinic": 13, "patient": 139, "course": 139, "course_event": 140, "result": 17_853}


@cache
def batch() -> Batch:
    return folder.read(DATA, mapping.load(DATA / "map.toml"))


def take(engine: Engine) -> Outcome:
    protocol = protocols.parse((DATA / "protocol.toml").read_bytes())
    clinics = NewClinics(time_zone="America/New_York", phone="+1 202-555-0100", emergency_number="911")
    manner = Manner(name="cdisc_pilot", by="Kim", clinics=clinics, protocols={protocol.id: protocol})
    return imports.take(engine, batch(), manner, now=NOW)


def taken(outcome: Outcome) -> UUID:
    assert outcome.import_id is not None
    return outcome.import_id


def counted(engine: Engine, *, standing: bool = False) -> dict[str, int]:
    """How many rows there are, or how many that are not voided."""
    with engine.connect() as connection:

        def count(name: str) -> int:
            table = METADATA.tables[name]
            query = sa.select(sa.func.count()).select_from(table)
            if standing and "voided_at" in table.c:
                query = query.where(table.c.voided_at.is_(None))
            return connection.execute(query).scalar_one()

        return {name: count(name) for name in FACTS}


def test_every_row_is_accounted_for_in_half_a_minute(engine: Engine) -> None:
    began = time.monotonic()
    outcome = take(engine)
    assert time.monotonic() - began < LONGEST
    assert counted(engine) == FACTS
    assert outcome.errors == ()
    read = batch().counts["results"]
    assert outcome.new["results"] + read.merged + read.refused == read.lines == 17_853


def test_coming_in_again_changes_nothing(engine: Engine) -> None:
    taken(take(engine))
    before = snapshot(engine)
    again = take(engine)
    assert again.import_id is None
    assert sum(again.new.values()) == 0
    assert again.known["results"] == 17_853
    assert snapshot(engine) == before


def test_a_trial_that_is_over_reminds_nobody_and_is_undone_whole(engine: Engine) -> None:
    run = taken(take(engine))
    with writing(engine) as session:
        expected = releases.release(session, run, by="Lou", now=NOW)
        counts = releases.undo(session, run, by="Lou", now=NOW)
    assert (expected.patients, expected.coming) == (0, ())
    assert {name: count for name, count in counts.items() if count} == {
        name: count for name, count in FACTS.items() if name != "clinic"
    }
    assert counted(engine, standing=True) == dict.fromkeys(FACTS, 0) | {"clinic": 13}
    assert taken(take(engine)) != run
