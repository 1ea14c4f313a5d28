import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import (
    attempts,
    batches,
    contacts,
    courses,
    hand_overs,
    items,
    messages,
    overdue,
    patients,
    reminders,
    work_items,
)
from db.engine import make_engine, reading, writing
from db.messages import Outcome, Slot
from db.tables import METADATA, Audience, Channel, MessageState, Patient, ReminderState
from db.types import new_id
from tests.db.conftest import NOW, House

A_DAY = date(2026, 3, 2)


@pytest.fixture
def small(sqlite_template: Path, tmp_path: Path) -> Iterator[House]:
    (tmp_path / "plans.sqlite3").write_bytes(sqlite_template.read_bytes())
    engine = make_engine(f"sqlite:///{tmp_path / 'plans.sqlite3'}")
    house = House(engine)
    with writing(engine) as session:
        house.found(session)
    yield house
    engine.dispose()


@contextmanager
def watched(engine: Engine) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if not statement.startswith(("BEGIN", "PRAGMA")):
            seen.append((statement, parameters[0] if many else parameters))

    sa.event.listen(engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(engine, "before_cursor_execute", note)


def whole_tables(engine: Engine, statements: list[tuple[str, Any]]) -> list[str]:
    """The statements that SQLite would answer by reading all of a table."""
    scan = re.compile(rf"SCAN ({'|'.join(METADATA.tables)})\b")
    with engine.connect() as connection:
        plans = [
            (statement, connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all())
            for statement, parameters in statements
        ]
    return [statement for statement, plan in plans if any(scan.match(line[3]) for line in plan)]


def everything_a_loop_asks(session: Session, house: House) -> None:
    keys = [(house.clinic_id, new_id()) for _ in range(3)] + [(new_id(), new_id())]
    slot = Slot(house.clinic_id, house.patient_id, Audience.PATIENT, NOW)
    ensured = messages.ensure(session, [(slot, Channel.OUTBOX, NOW)], now=NOW)
    claimed = messages.claim(session, now=NOW, limit=10, lease=timedelta(minutes=1))
    messages.settle(session, [Outcome(claimed=claim, state=MessageState.EMPTY) for claim in claimed])
    messages.oldest_due(session, now=NOW)
    assert [claim.id for claim in claimed] == list(ensured.values())
    ended = reminders.Decision(
        clinic_id=house.clinic_id, id=new_id(), state=ReminderState.SENT, reason="because"
    )
    reminders.decide(session, [ended], now=NOW)
    reminders.withdraw(session, keys, reason="because", now=NOW)
    for question in (reminders.of_items, reminders.of_messages, attempts.of_messages, items.of):
        question(session, keys)
    for question in (items.of_courses, items.lock_open, work_items.for_items, patients.of):
        question(session, keys)
    for question in (contacts.of_patients, contacts.consents, courses.of_patients):
        question(session, keys)
    courses.lock(session, [house.course])
    courses.known(session, [house.course])
    courses.to_replan(session, now=NOW, limit=10)
    overdue.found(session, on=A_DAY, clinic_id=house.clinic_id)
    overdue.open_of(session, [house.patient])
    hand_overs.of_course(session, house.course)
    hand_overs.listed(session, house.clinic_id)
    patients.by_number(session, house.clinic_id, [("elm", "1"), ("oak", "2")])
    work_items.unfinished(session, house.clinic_id)


def test_no_loop_reads_a_whole_table(small: House) -> None:
    with watched(small.engine) as statements, writing(small.engine) as session:
        everything_a_loop_asks(session, small)
    assert len(statements) > 20
    assert whole_tables(small.engine, statements) == []


def test_a_whole_table_that_is_read_is_noticed(small: House) -> None:
    with watched(small.engine) as statements, reading(small.engine) as session:
        session.execute(sa.text("SELECT * FROM patient WHERE name = 'Ada Invented'"))
    assert len(whole_tables(small.engine, statements)) == 1


def test_keys_of_two_clinics_are_not_mixed(house: House) -> None:
    other = House(house.engine)
    rows = batches.table(Patient)
    with writing(house.engine) as session:
        other.found(session, "Oak Street")

        def find(*keys: tuple[UUID, UUID]) -> set[UUID]:
            return {row.id for row in batches.fetch(session, sa.select(rows), rows, keys)}

        assert find(house.patient, other.patient) == {house.patient_id, other.patient_id}
        assert find((house.clinic_id, other.patient_id), (other.clinic_id, house.patient_id)) == set()
        assert find() == set()
