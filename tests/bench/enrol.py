"""Courses of three years planned in bulk, beside one ORM commit for each patient with the same rows.

The ORM writes what was planned before: it decides nothing.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import batches, protocols
from db.engine import make_engine, reading, writing
from db.tables import Clinic, Course, Item, Message, Patient, Reminder, Result
from db.types import new_id
from schedules import protocol as protocol_files
from service import litter
from service.flows import plans
from tests.bench import seed, stage

BEGAN, NOW = date(2023, 1, 2), datetime(2026, 1, 5, 12, tzinfo=UTC)
MONTHS = 36
BATCH = 500
PROTOCOL = {
    "id": "monthly-count",
    "version": 1,
    "title": "A count every four weeks",
    "medicine": {"name": "azathioprine"},
    "source": {"title": "None: it is for measuring", "evidence": "product-choice"},
    "clocks": [{"id": "count", "kind": "test", "panel": ["wbc"], "phases": [{"every": "P28D"}]}],
}


def years(engine: Engine, *, count: int) -> None:
    """`count` patients with a course and three years of results, nothing of it planned."""
    with writing(engine) as session:
        [clinic] = batches.insert(session, Clinic, [seed.clinic(0)])
        [patient] = batches.insert(session, Patient, [seed.person(clinic["id"], mrn="0")])
        digest = protocols.pin(session, clinic["id"], protocol_files.build(PROTOCOL), now=NOW)
        course = seed.course(clinic["id"], patient["id"], digest) | {"start": BEGAN}
        batches.insert(session, Course, [course])
        batches.insert(session, Result, [_result(clinic, patient, month) for month in range(1, MONTHS + 1)])
        for model in (Patient, Course, Result):
            seed.multiply(session, model, count - 1)


def fill(count: int) -> partial[None]:
    return partial(years, count=count)


def _result(clinic: dict[str, Any], patient: dict[str, Any], month: int) -> dict[str, Any]:
    return {
        "clinic_id": clinic["id"],
        "patient_id": patient["id"],
        "analyte": "wbc",
        "value": Decimal("5.1"),
        "value_as_sent": "5.1",
        "unit_as_sent": "10*9/L",
        "collected_on": BEGAN + timedelta(days=28 * month),
        "status": "final",
        "usable": True,
        "source": "bench",
        "recorded_at": NOW,
    }


def plan(engine: Engine, count: int) -> int:
    courses = batches.table(Course)
    with reading(engine) as session:
        rows = session.execute(
            sa.select(courses.c.clinic_id, courses.c.id).order_by(courses.c.id).limit(count)
        )
        keys = [(row.clinic_id, row.id) for row in rows]
    for some in batches.batched(keys, BATCH):
        with writing(engine) as session:
            plans.apply(session, some, now=NOW)
    return len(keys)


def orm(engine: Engine, count: int) -> Callable[[], int]:
    """The rows of one patient's plan; what writes them for each of `count` patients."""
    with Session(engine) as session:
        plans.apply(session, [_some_course(session)], now=NOW)
        written = [(model, _rows(session, model)) for model in (Item, Message, Reminder)]
        session.rollback()
    with reading(engine) as session:
        patients = list(session.execute(sa.select(*batches.table(Course).c).limit(count)))
    return lambda: sum(_commit(engine, _of(row, written)) for row in patients)


def _some_course(session: Session) -> batches.Key:
    courses = batches.table(Course)
    row = session.execute(sa.select(courses.c.clinic_id, courses.c.id).limit(1)).one()
    return row.clinic_id, row.id


def _rows(session: Session, model: Any) -> list[dict[str, Any]]:
    columns = batches.table(model).c
    return [dict(zip(columns.keys(), row, strict=True)) for row in session.execute(sa.select(*columns))]


def _of(course: Any, written: Any) -> Iterator[list[Any]]:
    """The same rows for another patient, with ids of their own, table by table."""
    ids: dict[Any, Any] = {}
    for model, rows in written:
        made = []
        for row in rows:
            own = row | {"id": ids.setdefault(row["id"], new_id()), "patient_id": course.patient_id}
            own |= {"course_id": course.id} if "course_id" in row else {}
            own |= {name: ids[row[name]] for name in ("item_id", "message_id") if row.get(name)}
            made.append(model(**own))
        yield made


def _commit(engine: Engine, tables: Iterator[list[Any]]) -> int:
    with Session(engine) as session:
        for rows in tables:
            for row in rows:
                session.add(row)
            session.flush()  # the ORM knows no relation by which to put items before their reminders
        session.commit()
    return 1


def main(url: str, how: str, count: str) -> None:
    engine = make_engine(url)
    with litter.seldom_collected():
        stage.run(partial(plan, engine, int(count)) if how == "plan" else orm(engine, int(count)))
    engine.dispose()
