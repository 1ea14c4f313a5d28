"""Records come in with `import`; `imports` lists, previews, releases and undoes what came."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer

from service.cli import import_options, import_text
from service.cli.running import Database, opened
from service.errors import Refused

if TYPE_CHECKING:
    from sqlmodel import Session

SOMEBODY = "the command line"
imports_app = typer.Typer(no_args_is_help=True)

Run = Annotated[str, typer.Argument(metavar="ID", help="The import's id, or latest.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who decides this: it is kept.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask again.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def register(app: typer.Typer) -> None:
    app.command("import")(import_folder)
    app.add_typer(imports_app, name="imports")


@imports_app.callback()
def imports_() -> None:
    """What was imported: list it, see what it would send, release it, undo it."""


def import_folder(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder of CSV files.")],
    map_file: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="How files of another shape become the five tables."),
    ] = None,
    protocol: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A protocol of the clinic's own; again for another."),
    ] = None,
    time_zone: Annotated[
        str | None, typer.Option("--clinic-time-zone", metavar="ZONE", help="Of clinics not known yet.")
    ] = None,
    phone: Annotated[
        str | None, typer.Option("--clinic-phone", metavar="NUMBER", help="Of clinics not known yet.")
    ] = None,
    emergency: Annotated[
        str | None, typer.Option("--emergency-number", metavar="NUMBER", help="Of clinics not known yet.")
    ] = None,
    region: Annotated[
        str | None,
        typer.Option(metavar="CC", help="The country of telephone numbers without one, as GB."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would happen.")] = False,
    good_rows: Annotated[
        bool,
        typer.Option(
            "--good-rows/--all-or-nothing",
            help="When a row is refused: take the good rows, or (default) nothing.",
        ),
    ] = False,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who imports: it is kept.")] = SOMEBODY,
    as_json: Json = False,
    database: Database = None,
) -> None:
    """Read patients, contacts, courses, events and results from CSV files, plain or .gz.

    What is stored already is left as it is, so importing a folder twice changes nothing. What comes in is
    planned at once and sends nothing until a named person releases it: see `nextcount imports`. Exit 1: a row
    was refused; each is a line on standard error.

    Example: nextcount import records --clinic-time-zone Europe/London --clinic-phone "+44 20 7946 0000"
    --emergency-number 999
    """
    from service import clock, litter, settings
    from service.flows import imports
    from service.ingest import folder as folders

    if not folder.is_dir():
        raise Refused(f"{folder}: there is no such folder")
    mapping = import_options.mapping(map_file)
    manner = imports.Manner(
        name=folder.resolve().name,
        by=import_options.named(by),
        good_rows=good_rows,
        clinics=import_options.new_clinics(time_zone, phone, emergency),
        protocols=import_options.protocols(folder, protocol or [], map_file),
    )
    with bar("Reading") as progress:
        batch = folders.read(folder, mapping, region=import_options.region(region), progress=progress)
    with opened(settings.load(database_url=database)) as engine:
        now = clock.now(engine)
        if dry_run:
            outcome = imports.try_out(engine, batch, manner, now=now)
        else:
            with bar("Planning") as progress, litter.seldom_collected():
                outcome = imports.take(engine, batch, manner, now=now, progress=progress)
    for line in import_text.problems(outcome):
        typer.echo(line, err=True)
    if as_json:
        typer.echo(json.dumps(import_text.as_json(batch, outcome, dry_run=dry_run), indent=2))
    else:
        for line in import_text.sentences(batch, outcome, manner, dry_run=dry_run):
            typer.echo(line)
    if outcome.errors:
        raise typer.Exit(1)


@contextmanager
def bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on standard error; none when that is not a terminal."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


# ---- what came: list, preview, release, undo


@imports_app.command("list")
def list_imports(as_json: Json = False, database: Database = None) -> None:
    """Every import, the newest first: whose, how much, and whether it was released or undone.

    Example: nextcount imports list
    """
    from db import imports
    from db.engine import reading
    from service import settings

    with opened(settings.load(database_url=database)) as engine, reading(engine) as session:
        found = import_text.runs(imports.every(session))
    if as_json:
        typer.echo(json.dumps(found, indent=2))
    for line in [] if as_json else import_text.run_lines(found):
        typer.echo(line)


@imports_app.command("preview")
def preview(run: Run = "latest", as_json: Json = False, database: Database = None) -> None:
    """What would go out in the next five days if the import were released now. Changes nothing.

    Example: nextcount imports preview latest
    """
    from db.engine import reading
    from service import clock, settings
    from service.flows import releases

    with opened(settings.load(database_url=database)) as engine:
        now = clock.now(engine)
        with reading(engine) as session:
            import_id = _id(session, run)
            found = releases.preview(session, releases.waiting(session, import_id), now=now)
    if as_json:
        typer.echo(json.dumps(import_text.preview_json(import_id, found), indent=2))
    for line in [] if as_json else import_text.preview_lines(found):
        typer.echo(line)


@imports_app.command("release")
def release(run: Run, by: By, yes: Yes = False, database: Database = None) -> None:
    """Let an import's reminders go out: those who are overdue over five days, the longest overdue first.

    Example: nextcount imports release latest --by "Kim Lee"
    """
    from db.engine import reading, writing
    from service import clock, settings
    from service.flows import releases

    who = import_options.named(by)
    with opened(settings.load(database_url=database)) as engine:
        with reading(engine) as session:
            import_id = _id(session, run)
            expected = releases.preview(session, releases.waiting(session, import_id), now=clock.now(engine))
        for line in import_text.preview_lines(expected):
            typer.echo(line)
        confirm(f"Release import {import_id} as {who}?", yes)
        with writing(engine) as session:
            releases.release(session, import_id, by=who, now=clock.now(engine))
    typer.echo(f"Import {import_id} is released by {who}.")


@imports_app.command("undo")
def undo(run: Run, by: By, yes: Yes = False, database: Database = None) -> None:
    """Take back everything an import brought. What it sent stays in the log; the folder can come in again.

    Example: nextcount imports undo latest --by "Kim Lee"
    """
    from db.engine import reading, writing
    from service import clock, settings
    from service.flows import releases

    who = import_options.named(by)
    with opened(settings.load(database_url=database)) as engine:
        with reading(engine) as session:
            import_id = _id(session, run)
        confirm(f"Undo import {import_id} as {who}?", yes)
        with writing(engine) as session:
            counts = releases.undo(session, import_id, by=who, now=clock.now(engine))
    typer.echo(f"Import {import_id} is undone by {who}: {import_text.listed(counts)} taken back.")


def _id(session: Session, run: str) -> UUID:
    from db import imports

    if run == "latest":
        rows = imports.every(session)
        if not rows:
            raise Refused("nothing was imported yet: `nextcount import DIR` does")
        return rows[0].id
    try:
        return UUID(run)
    except ValueError:
        raise Refused("an import's id is as `nextcount imports list` shows it, or latest") from None


def confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise Refused("nothing was done, for there is nobody to ask: say --yes")
    typer.confirm(question, abort=True, err=True)
