"""`backup` and `restore`: the whole database to a file and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.running import Database, engine_of, opened
from service.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

File = Annotated[Path, typer.Argument(metavar="FILE", help="The backup.")]


def register(app: typer.Typer) -> None:
    app.command("backup")(backup)
    app.command("restore")(restore)


def backup(file: File, database: Database = None) -> None:
    """Write the whole database to a new file, while everything goes on. PostgreSQL: by its own pg_dump.

    Example: nextcount backup nextcount-2026-11-22.backup
    """
    from service import settings
    from service.flows import backups

    with opened(settings.load(database_url=database)) as engine:
        backups.backup(engine, file)
    typer.echo(f"The database is in {file}: it holds patients' records, so keep it as safe as they are.")


def restore(
    file: File,
    yes: Annotated[bool, typer.Option("--yes", help="Overwrite the database that is there.")] = False,
    database: Database = None,
) -> None:
    """Put a backup in the place of the database, in HOLD: nothing is sent before `nextcount hold release`.

    Stop every nextcount that uses the database first.
    Example: nextcount restore nextcount-2026-11-22.backup --yes
    """
    from service import clock, settings
    from service.flows import backups

    engine = engine_of(settings.load(database_url=database))
    try:
        if backups.is_there(engine) and not yes:
            raise Refused("there is a database already: to overwrite it with the backup, say --yes")
        with _alone(engine):
            backups.restore(engine, file, now=clock.now(engine))
    finally:
        engine.dispose()
    typer.echo("The database is restored and held: see nextcount hold show.")


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """On SQLite no other process runs the loops meanwhile."""
    from service import worker

    turn = worker.turn(engine)
    if not turn.ours():
        raise Refused("nextcount is running on this database: stop it first")
    try:
        yield
    finally:
        turn.over()
