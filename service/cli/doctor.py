"""`doctor`: is everything as it should be?"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import typer

from service.cli.imports import Json
from service.cli.running import Database, engine_of
from service.errors import Refused


def register(app: typer.Typer) -> None:
    app.command("doctor")(doctor)


def doctor(as_json: Json = False, database: Database = None) -> None:
    """Look at the database, its rules, the loops, the zones and the disk. Changes nothing. Exit 1: see !.

    Example: nextcount doctor
    """
    from service import clock, settings
    from service.flows import doctor

    given = settings.load(database_url=database)
    engine = engine_of(given)
    file = Path(engine.url.database or "")
    if engine.dialect.name == "sqlite" and not file.exists():
        raise Refused(f"{file}: there is no database: nextcount serve makes one")
    try:
        found = doctor.examine(engine, given.deployment_id, now=clock.now(engine), mails=given.mails)
    finally:
        engine.dispose()
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in found], indent=2))
    for finding in [] if as_json else found:
        typer.echo(f"{'!' if finding.wrong else ' '} {finding.sentence}")
    if any(finding.wrong for finding in found):
        raise typer.Exit(1)
