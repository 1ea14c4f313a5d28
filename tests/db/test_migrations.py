import re

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
