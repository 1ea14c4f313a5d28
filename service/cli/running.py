"""What keeps running, and what must be there before it can.

Imports what a command needs when it runs: `simulate` starts in a third of the time without a database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from service.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from service.settings import Settings

Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Instead of NEXTCOUNT_DATABASE_URL."),
]


def register(app: typer.Typer) -> None:
    app.command("migrate")(migrate)


def migrate(database: Database = None) -> None:
    """Bring the database's tables to this version: once, before anything else is started on it.

    Example: nextcount migrate
    """
    from db import migrations
    from service import settings

    engine = engine_of(settings.load(database_url=database))
    migrations.upgrade(engine)
    typer.echo(f"The database is at {migrations.head()}.", err=True)


def engine_of(given: Settings) -> Engine:
    """The engine of the settings' database. Refused when there is no such kind of database."""
    from db.engine import make_engine

    try:
        return make_engine(given.database)
    except ValueError as error:
        raise Refused(f"NEXTCOUNT_DATABASE_URL: {error}") from None
