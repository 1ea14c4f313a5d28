"""H63: a migration that is killed at any statement leaves nothing half done, and two at once do it once."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Engine

from db import migrations
from db.tables import METADATA

HERE = Path(__file__).parent
STEPS = 2  # of the statements of a migration: the first, the last, and those between at even distances


def revisions() -> list[str]:
    found = ScriptDirectory.from_config(migrations._config()).walk_revisions()
    return [script.revision for script in found][::-1]


def emptied(engine: Engine) -> None:
    METADATA.drop_all(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS alembic_version")


@pytest.fixture
def empty(raw_engine: Engine) -> Engine:
    emptied(raw_engine)
    return raw_engine


@contextmanager
def migrating(engine: Engine) -> Iterator[Callable[..., list[int]]]:
    """Migrates that database elsewhere, killed before a statement; tells how it ended."""
    url = engine.url.render_as_string(hide_password=False)
    environment = os.environ | {"PYTHONPATH": str(HERE.parents[1])}
    with subprocess.Popen(
        [sys.executable, HERE / "migrating.py", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        tell, hear = process.stdin, process.stdout

        def migrate(revision: str, *, killed_at: int = 0) -> list[int]:
            engine.dispose()
            tell.write(f"{revision} {killed_at}\n")
            tell.flush()
            return [int(word) for word in hear.readline().split()]

        try:
            yield migrate
        finally:
            tell.close()


def statements(engine: Engine, before: str | None, revision: str) -> int:
    """How many a migration from one to the next takes; afterwards the database is as it was."""
    count = 0

    def more(*_: Any) -> None:
        nonlocal count
        count += 1

    sa.event.listen(engine, "before_cursor_execute", more)
    migrations.upgrade(engine, revision)
    sa.event.remove(engine, "before_cursor_execute", more)
    emptied(engine)
    if before is not None:
        migrations.upgrade(engine, before)
    return count


def is_whole(engine: Engine) -> bool:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return not compare_metadata(context, METADATA)


def moments(count: int, steps: int) -> list[int]:
    return sorted({1, count, *range(1, count + 1, max(1, count // steps))})


def kill_everywhere(engine: Engine, steps: int) -> int:
    """Kill each revision's migration at those moments; the database is then where it was before it."""
    before, lives = None, 0
    with migrating(engine) as migrate:
        for revision in revisions():
            for killed_at in moments(statements(engine, before, revision), steps):
                assert migrate(revision, killed_at=killed_at) == [signal.SIGKILL]
                assert migrations.current(engine) == before
                lives += 1
            assert migrate(revision) == [0]
            assert migrations.current(engine) == revision
            before = revision
    assert is_whole(engine)
    return lives


def test_H63_a_migration_that_is_killed_can_be_run_again(empty: Engine) -> None:
    assert kill_everywhere(empty, STEPS) > len(revisions()) * 2


@pytest.mark.long
def test_H63_a_migration_that_is_killed_at_any_statement_can_be_run_again(empty: Engine) -> None:
    assert kill_everywhere(empty, 1_000_000) > 100


def test_H63_two_processes_that_migrate_at_once_both_end_well(empty: Engine) -> None:
    with migrating(empty) as migrate:
        assert migrate("both") == [0, 0]
    assert migrations.current(empty) == migrations.head()
    assert is_whole(empty)
