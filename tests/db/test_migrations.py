import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import Engine

from db import migrations
from db.tables import METADATA


def words(condition: object) -> frozenset[str]:
    return frozenset(re.findall(r"'([^']*)'", str(condition)))


def checks(engine: Engine) -> dict[str, frozenset[str]]:
    """Each CHECK and the words in it: the databases write the rest of it in their own ways."""
    inspector = sa.inspect(engine)
    found = [check for table in METADATA.tables for check in inspector.get_check_constraints(table)]
    return {str(check["name"]): words(check["sqltext"]) for check in found}


def wanted_checks() -> dict[str, frozenset[str]]:
    literal = {"literal_binds": True}
    constraints = [constraint for table in METADATA.tables.values() for constraint in table.constraints]
    found = [check for check in constraints if isinstance(check, sa.CheckConstraint)]
    return {str(check.name): words(check.sqltext.compile(compile_kwargs=literal)) for check in found}


def partial_indexes(engine: Engine) -> set[str]:
    inspector, option = sa.inspect(engine), f"{engine.dialect.name}_where"
    indexes = [index for table in METADATA.tables for index in inspector.get_indexes(table)]
    return {
        str(index["name"]) for index in indexes if index.get("dialect_options", {}).get(option) is not None
    }


def test_the_migrations_build_exactly_the_tables(engine: Engine) -> None:
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        assert compare_metadata(context, METADATA) == []


def test_every_word_has_its_check(engine: Engine) -> None:
    assert len(wanted_checks()) > 15
    assert checks(engine) == wanted_checks()


def test_every_partial_index_is_partial(engine: Engine) -> None:
    indexes = [index for table in METADATA.tables.values() for index in table.indexes]
    partial = {index.name for index in indexes if index.dialect_options["sqlite"]["where"] is not None}
    assert len(partial) > 6
    assert partial_indexes(engine) == partial


def test_a_database_knows_its_revision(engine: Engine) -> None:
    assert migrations.current(engine) == migrations.head()


@pytest.fixture
def empty(raw_engine: Engine) -> Engine:
    METADATA.drop_all(raw_engine)
    with raw_engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE alembic_version")
    assert sa.inspect(raw_engine).get_table_names() == []
    return raw_engine


def test_two_programs_that_start_at_once_migrate_once(empty: Engine) -> None:
    with ThreadPoolExecutor(2) as starts:
        for start in [starts.submit(migrations.upgrade, empty) for _ in range(2)]:
            start.result()
    assert migrations.current(empty) == migrations.head()


@pytest.mark.parametrize("broken_at", ["CREATE TABLE message", "CREATE INDEX", "INSERT INTO alembic_version"])
def test_a_migration_that_breaks_leaves_nothing_and_can_be_run_again(empty: Engine, broken_at: str) -> None:
    def break_(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        if statement.strip().startswith(broken_at):
            raise ConnectionError

    sa.event.listen(empty, "before_cursor_execute", break_)
    with pytest.raises(ConnectionError):
        migrations.upgrade(empty)
    sa.event.remove(empty, "before_cursor_execute", break_)
    assert sa.inspect(empty).get_table_names() == []
    assert migrations.current(empty) is None
    migrations.upgrade(empty)
    assert migrations.current(empty) == migrations.head()
