"""A tick among rows that are due later, or when none is due."""

from functools import partial

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine

from db.engine import make_engine, writing
from service import litter
from service.channels import local
from service.flows import reminders
from tests.bench import seed, stage

DUE = 1000
EMPTY = 20  # ticks: one alone is too short to be timed
# Each patient's own message, again every quarter of an hour from a year later on, without a reminder: what a
# claim must not read is the queue.
# Their ids ascend, and what can be indexed afterwards is: else ten million rows take half an hour.
LATER = """INSERT INTO message (clinic_id, id, patient_id, audience, channel, quarter, send_at, state,
      token, attempts, created_at)
    SELECT clinic_id, CAST(lpad(to_hex(n), 8, '0') || substr(replace(CAST(id AS text), '-', ''), 1, 10)
        || substr(replace(CAST(id AS text), '-', ''), 19) AS uuid), patient_id, audience, channel,
      quarter + interval '1 year' + n * interval '15 minutes',
      send_at + interval '1 year' + n * interval '15 minutes', 'waiting', 0, 0, created_at
    FROM message CROSS JOIN generate_series(1, :copies) AS n
    WHERE audience = 'patient' AND quarter < '2026-06-01' ORDER BY n, id"""
INDEXES = """SELECT i.indexrelid::regclass, pg_get_indexdef(i.indexrelid) FROM pg_index AS i
    WHERE i.indrelid = 'message'::regclass
      AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid)"""
AGAIN = (
    "DELETE FROM attempt",
    "DELETE FROM reminder WHERE track = 'patient' AND position > 1",
    f"DELETE FROM message WHERE created_at > '{seed.BEGUN.isoformat()}'",
    "UPDATE reminder SET state = 'waiting', reason = NULL, decided_at = NULL WHERE state = 'sent'",
    """UPDATE message SET state = 'waiting', token = 0, attempts = 0, accepted_at = NULL
    WHERE state = 'accepted'""",
)


def later(engine: Engine, *, rows: int) -> None:
    """A thousand due, and so many that are not."""
    seed.people(engine, count=DUE, courses=1)
    with writing(engine) as session:
        session.execute(sa.text("SET LOCAL session_replication_role = replica"))  # nothing to look up
        rebuilt = session.execute(sa.text(INDEXES)).all()
        for name, _ in rebuilt:
            session.execute(sa.text(f"DROP INDEX {name}"))
        session.execute(sa.text(LATER), {"copies": rows // DUE})
        for _, definition in rebuilt:
            session.execute(sa.text(definition))


def fill(rows: int) -> partial[None]:
    return partial(later, rows=rows)


def again(url: URL) -> None:
    """Everything due once more."""
    engine = make_engine(url)
    with writing(engine) as session:
        for statement in AGAIN:
            session.execute(sa.text(statement))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM attempt, reminder, message")
    engine.dispose()


def main(url: str, what: str) -> None:
    engine = make_engine(url)
    tick = partial(reminders.tick, engine, channels=local.channels())
    tick(clock=lambda: seed.BEGUN)  # what is compiled once per process is not a tick's cost
    with litter.seldom_collected():
        if what == "due":
            stage.run(lambda: tick(clock=lambda: seed.DUE))
        else:
            stage.run(lambda: EMPTY + sum(tick(clock=lambda: seed.BEGUN) for _ in range(EMPTY)))
    engine.dispose()
