"""One engine, three ways in: `reading()`, `writing()`, which is the only commit, and `noting()` for reads.

SQLite loses updates without a word when a transaction reads before it has the right to write, so a writer
begins with BEGIN IMMEDIATE; a reader begins DEFERRED, may not write, and waits for nobody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlmodel import Session

from db import disks

BUSY_MS = 10_000  # how long a statement waits for another's lock before it is an error
IDLE_MS = 60_000  # PostgreSQL ends a transaction that does nothing for so long
REACH = {  # seconds until a server that vanished without a word is given up: else it would be many minutes
    "connect_timeout": 5,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    f"busy_timeout={BUSY_MS}",
    "trusted_schema=OFF",
)
# What a server may assume: its disk does not turn, and no query of ours is worth a compiler.
PLANNER = "-c random_page_cost=1.1 -c jit=off"
# A snapshot, as SQLite's readers have: several queries of one report see the same rows.
SNAPSHOT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}


def make_engine(url: str | URL) -> Engine:
    """An engine for `sqlite:///file` or `postgresql://…`; ValueError for any other."""
    address = make_url(url)
    match address.get_backend_name():
        case "sqlite" if address.database not in (None, "", ":memory:"):
            return _sqlite(address)
        case "postgresql":
            return _postgresql(address)
    raise ValueError("the database is sqlite:/// and a file's path, or postgresql:// and a server's address")


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """One transaction, committed at the end, rolled back when anything is raised."""
    with Session(engine, expire_on_commit=False) as session:
        yield session
        session.commit()


@contextmanager
def noting(engine: Engine) -> Iterator[Session]:
    """A transaction that reads, and notes in the audit that it did; its commit does not wait for the disk.

    Only a machine or a server of PostgreSQL that dies can lose its last notes, back to the last `writing()`,
    on PostgreSQL of less than a second: to hide a reading nobody can bring that about, and no fact is lost.
    """
    with writing(engine.execution_options(noting=True)) as session:
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A transaction that cannot write. It only closes: a rollback would expire what was read."""
    options = SNAPSHOT if engine.dialect.name == "postgresql" else {"reading": True}
    with Session(engine.execution_options(**options), expire_on_commit=False) as session:
        yield session


def _sqlite(address: URL) -> Engine:
    if kind := disks.network_type(Path(address.database or "")):
        raise ValueError(
            f"SQLite's file would be on a network file system ({kind}): use a disk, or PostgreSQL"
        )
    engine = sa.create_engine(address, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "checkin", _flush_again)
    return engine


def _prepare(connection: SQLiteConnection, record: Any) -> None:
    connection.isolation_level = None  # the driver begins nothing by itself: `_begin` does
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}").close()


def _begin(connection: Connection) -> None:
    options = connection.get_execution_options()
    reader = options.get("reading", False)
    connection.exec_driver_sql(f"PRAGMA query_only={'ON' if reader else 'OFF'}")
    if options.get("noting"):
        connection.info["notes"] = True
        connection.exec_driver_sql("PRAGMA synchronous=NORMAL")
    connection.exec_driver_sql("BEGIN DEFERRED" if reader else "BEGIN IMMEDIATE")


def _flush_again(connection: SQLiteConnection | None, record: Any) -> None:
    if record.info.pop("notes", False) and connection is not None:
        connection.execute("PRAGMA synchronous=FULL").close()


def _postgresql(address: URL) -> Engine:
    waits = f"-c lock_timeout={BUSY_MS} -c idle_in_transaction_session_timeout={IDLE_MS}"
    engine = sa.create_engine(
        address.set(drivername="postgresql+psycopg"),
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,
        connect_args={"options": f"{waits} {PLANNER} -c timezone=UTC", **REACH},
    )
    event.listen(engine, "begin", _begin_on_server)
    return engine


def _begin_on_server(connection: Connection) -> None:
    if connection.get_execution_options().get("noting"):
        connection.exec_driver_sql("SET LOCAL synchronous_commit = off")
