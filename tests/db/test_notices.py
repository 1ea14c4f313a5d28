"""Notices in the queue: planned once, claimed in queues of their own by an index of their own."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from alembic import command
from sqlalchemy.engine import Engine

from db import batches, messages, migrations, notices
from db.engine import writing
from db.messages import Queue
from db.tables import Attempt, Message
from tests.db.conftest import NOW, House

LEASE = timedelta(seconds=60)


def notice(house: House, kind: str, key: str, *, send_at: object = NOW) -> None:
    row = {"clinic_id": house.clinic_id, "kind": kind, "key": key, "send_at": send_at}
    with writing(house.engine) as session:
        notices.plan(session, [row], now=NOW)


def claim(house: House, queue: Queue, *, limit: int = 10) -> list[str]:
    with writing(house.engine) as session:
        return [
            found.kind.value
            for found in messages.claim(session, now=NOW, limit=limit, lease=LEASE, queue=queue)
        ]


def test_a_key_is_planned_once_whatever_became_of_it(house: House) -> None:
    for _ in range(2):
        notice(house, "digest", "2026-03-02/outbox")
        assert len(claim(house, Queue.NOTICES)) <= 1
    notice(house, "alarm", "2026-03-02/outbox")
    with writing(house.engine) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(batches.table(Message))) == 2


def test_H21_alarms_come_first_and_every_queue_keeps_to_itself(house: House) -> None:
    house.message(send_at=NOW - timedelta(hours=1))
    for kind in ("digest", "canary", "alarm"):
        notice(house, kind, kind)
    assert claim(house, Queue.ALARMS) == ["alarm"]
    notice(house, "alarm", "another")
    assert claim(house, Queue.NOTICES, limit=1) == ["alarm"]
    assert sorted(claim(house, Queue.NOTICES)) == ["canary", "digest"]
    assert claim(house, Queue.REMINDERS) == ["reminder"]


@pytest.mark.parametrize("queue", [Queue.NOTICES, Queue.ALARMS])
def test_H21_a_claim_of_notices_does_not_read_the_reminders_that_are_due(house: House, queue: Queue) -> None:
    plain = {"clinic_id": house.clinic_id, "patient_id": house.patient_id, "audience": "patient"}
    row = plain | {"channel": "outbox", "send_at": NOW, "created_at": NOW}
    with writing(house.engine) as session:
        batches.insert(session, Message, [row] * 3000)
        if house.engine.dialect.name == "postgresql":
            session.execute(sa.text("ANALYZE message"))
    notice(house, "alarm", "a")
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *rest: Any) -> None:
        if statement.startswith("WITH"):
            seen.append((statement, parameters))

    sa.event.listen(house.engine, "before_cursor_execute", note)
    assert claim(house, queue) == ["alarm"]
    sa.event.remove(house.engine, "before_cursor_execute", note)
    [(statement, parameters)] = seen
    explain = "EXPLAIN QUERY PLAN" if house.engine.dialect.name == "sqlite" else "EXPLAIN"
    with house.engine.connect() as connection:
        plan = str(connection.exec_driver_sql(f"{explain} {statement}", parameters).all())
    assert "ix_message_notice" in plan
    assert "ix_message_waiting" not in plan


@pytest.mark.parametrize(
    "wrong", [{"kind": "reminder", "patient_id": None}, {"kind": "alarm", "patient_id": None}]
)
def test_a_reminder_has_a_patient_and_a_notice_a_key(raw_house: House, wrong: dict[str, Any]) -> None:
    with pytest.raises(sa.exc.IntegrityError):
        raw_house.message(**wrong)


def test_messages_and_attempts_of_before_are_kept(raw_house: House, raw_engine: Engine) -> None:
    """The migration that SQLite carries out with a new table in the place of the old."""
    message_id = raw_house.message(quarter=NOW, body="said before")
    raw_house.add(Attempt, message_id=message_id, number=1, channel="outbox", started_at=NOW, state="started")
    downgrade(raw_engine, "0004")
    assert "kind" not in {column["name"] for column in sa.inspect(raw_engine).get_columns("message")}
    migrations.upgrade(raw_engine)
    with writing(raw_engine) as session:
        kept = session.get_one(Message, (raw_house.clinic_id, message_id))
        assert (kept.kind, kept.body, kept.quarter) == ("reminder", "said before", NOW)
        assert session.scalar(sa.select(batches.table(Attempt).c.message_id)) == message_id
    with pytest.raises(sa.exc.IntegrityError):
        raw_house.add(Attempt, message_id=UUID(int=9), number=1, channel="outbox", started_at=NOW)


def downgrade(engine: Engine, revision: str) -> None:
    with (
        engine.connect() as connection,
        migrations._tables_may_be_rebuilt(connection),
        connection.begin(),
    ):
        command.downgrade(migrations._config(connection), revision)
