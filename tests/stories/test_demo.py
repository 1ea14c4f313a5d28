"""The demo from an empty folder: every state is there, nobody is told at night, no setting is used."""

import os
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches, courses, invariants, migrations
from db.engine import make_engine, reading
from db.tables import Course, Message, Patient, Reminder, WorkItem
from schedules import days
from schedules.facts import State, Status
from schedules.plan import plan
from service.demo import people, story, telling
from service.flows import overdue

MOMENTS = [
    datetime(2026, 11, 22, 20, 40, tzinfo=UTC),
    datetime(2028, 2, 29, 4, 5, tzinfo=UTC),
    datetime(2027, 3, 15, 11, 0, tzinfo=UTC),
]


@pytest.fixture(params=MOMENTS, ids=str)
def lived(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    engine = make_engine(f"sqlite:///{tmp_path / 'demo.db'}")
    migrations.upgrade(engine)
    story.run(engine, now=request.param, progress=lambda text: None)
    yield engine, request.param
    with reading(engine) as session:
        assert invariants.broken(session) == {}
    engine.dispose()


def test_there_is_somebody_in_every_state(lived: tuple[Engine, datetime]) -> None:
    engine, now = lived
    today = days.local_day(now, ZoneInfo(story.ZONE))
    seen = {person.state: found for person in people.PEOPLE for found in [_course_of(engine, person.name)]}
    plans = {name: plan(f.course, f.events, f.draws, today=today) for name, f in seen.items()}
    open_states = {name: found.open_items[0].state(today) for name, found in plans.items()}
    assert seen["new"].course.start == today - timedelta(days=3)
    assert plans["in date"].status is Status.IN_DATE
    assert open_states["due"] is State.DUE
    assert open_states["overdue"] is State.OVERDUE
    assert open_states["lapsed"] is State.LAPSED
    assert plans["held"].status is Status.HELD
    assert plans["stepped up"].open_items[0].phase == "step-up"
    assert plans["came after a reminder"].items[-2].collected_on == today - timedelta(days=5)
    late = {risk.of.name: risk.of.reachable for risk in overdue.ranked(engine, now=now)}
    [unreachable] = [person.name for person in people.PEOPLE if person.state == "unreachable"]
    assert late[unreachable] is False


def _course_of(engine: Engine, name: str) -> Any:
    patients, table = batches.table(Patient), batches.table(Course)
    mine = patients.c.id == table.c.patient_id
    query = sa.select(table.c.clinic_id, table.c.id).join_from(table, patients, mine)
    with reading(engine) as session:
        [row] = session.execute(query.where(patients.c.name == name)).all()
        [found] = courses.known(session, [(row.clinic_id, row.id)])
        return found


def test_nobody_is_told_at_night_and_everything_is_accounted_for(lived: tuple[Engine, datetime]) -> None:
    engine, now = lived
    messages = batches.table(Message)
    zone = ZoneInfo(story.ZONE)
    with reading(engine) as session:
        told = session.execute(
            sa.select(messages).where(messages.c.body.is_not(None), messages.c.key.is_(None))
        ).all()
        reminders = session.execute(sa.select(batches.table(Reminder))).all()
    assert told
    for row in told:
        assert 8 <= row.accepted_at.astimezone(zone).hour < 21
        assert now - story.BEGINS <= row.accepted_at <= now
    quarters = Counter((row.patient_id, row.audience, row.quarter) for row in told)
    assert set(quarters.values()) == {1}
    assert all(row.send_at > now for row in reminders if row.state == "waiting" and row.message_id)


def test_a_result_beyond_a_limit_waits_for_a_prescriber(lived: tuple[Engine, datetime]) -> None:
    engine, _ = lived
    work, patients = batches.table(WorkItem), batches.table(Patient)
    query = sa.select(work).join_from(work, patients, work.c.patient_id == patients.c.id)
    [person] = [person for person in people.PEOPLE if person.state == "beyond a limit"]
    with reading(engine) as session:
        found = session.execute(query.where(patients.c.name == person.name)).all()
    assert {row.kind for row in found} == {"limit"}


def test_it_says_who_to_call_first_and_why(lived: tuple[Engine, datetime]) -> None:
    engine, now = lived
    said = "\n".join(telling.sentences(engine, now=now))
    ranked = overdue.ranked(engine, now=now)
    assert f"Overdue: {len(ranked)} people" in said
    assert f"  1. {ranked[0].of.name} ({ranked[0].of.clinic}): {' '.join(ranked[0].reasons)}" in said
    assert "none at night" in said
    assert "azathioprine" not in said.split("One of them: ")[1].splitlines()[0]


def test_the_command_ends_after_telling_and_leaves_nothing(tmp_path: Path) -> None:
    """Whatever is configured is ignored: a database that cannot be, an empty folder, another zone."""
    there = {"NEXTCOUNT_DATABASE_URL": "nonsense", "TZ": "Asia/Kolkata", "TMPDIR": str(tmp_path)}
    root = str(Path(__file__).parents[2])
    code = "import sys; from service.cli import main; sys.exit(main())"
    command = [sys.executable, "-c", code, "demo", "--once", "--now", "2026-11-22T20:40Z"]
    environment = os.environ | there | {"PYTHONPATH": root}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "Whom to call first, and why:" in done.stdout
    assert list(tmp_path.iterdir()) == []
