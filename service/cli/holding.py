"""`hold` shows and releases a restored or copied database; `pause` stops sending for a while."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import import_options, import_text
from service.cli.imports import By, Yes, confirm
from service.cli.running import Database, opened
from service.errors import Refused

if TYPE_CHECKING:
    from service.flows import releases

hold_app = typer.Typer(no_args_is_help=True)
pause_app = typer.Typer()

Clinic = Annotated[
    str | None, typer.Option("--clinic", metavar="NAME", help="One clinic: all, unless you say.")
]


def register(app: typer.Typer) -> None:
    app.add_typer(hold_app, name="hold")
    app.add_typer(pause_app, name="pause")


# ---- hold


@hold_app.callback()
def hold_() -> None:
    """A restored or copied database sends nothing until a named person releases it."""


@hold_app.command("show")
def show(database: Database = None) -> None:
    """Whether the database is held, and what a release now would bring in five days. Changes nothing.

    Example: nextcount hold show
    """
    from db import deployments
    from db.engine import reading
    from service import clock, settings
    from service.flows import holds

    with opened(settings.load(database_url=database)) as engine, reading(engine) as session:
        held = holds.sentence(deployments.get(session))
        typer.echo(held or "The database is not held.")
        if held:
            _preview(holds.preview(session, now=clock.now(engine)))


@hold_app.command("release")
def release(by: By, yes: Yes = False, database: Database = None) -> None:
    """Let the database send again. What may have been sent already is not said again: the next rung is.

    Example: nextcount hold release --by "Kim Lee"
    """
    from db import deployments
    from db.engine import reading
    from service import clock, settings
    from service.flows import holds

    who, given = import_options.named(by), settings.load(database_url=database)
    with opened(given) as engine:
        with reading(engine) as session:
            if holds.sentence(deployments.get(session)) is None:
                raise Refused("the database is not held: there is nothing to release")
            _preview(holds.preview(session, now=clock.now(engine)))
        confirm(f"Release the database as {who}?", yes)
        holds.release(engine, given.deployment_id, by=who, now=clock.now(engine))
    typer.echo(f"The database is released by {who}.")


def _preview(found: releases.Preview) -> None:
    for line in import_text.preview_lines(found):
        typer.echo(line)


# ---- pause


@pause_app.callback(invoke_without_command=True)
def pause(
    context: typer.Context,
    by: Annotated[
        str | None, typer.Option("--by", metavar="NAME", help="Whose pause it is: it is shown.")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why: it is shown.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="MOMENT", help="Its end, as 2026-11-22T20:00Z, in 28 days at most.")
    ] = None,
    clinic: Clinic = None,
    database: Database = None,
) -> None:
    """Send patients and carers nothing until a moment. The staff's work list goes on. Alone it shows pauses.

    Example: nextcount pause --by "Kim Lee" --reason "the laboratory is closed" --until 2026-11-22T20:00Z
    """
    if context.invoked_subcommand is not None:
        return
    if by is None and reason is None and until is None:
        _show(database)
        return
    if by is None or not (reason or "").strip() or until is None:
        raise Refused("a pause has an owner, a reason and an end: say --by, --reason and --until")
    _begin(import_options.named(by), " ".join((reason or "").split()), _moment(until), clinic, database)


def _begin(who: str, reason: str, until: datetime, clinic: str | None, database: str | None) -> None:
    from db.engine import writing
    from service import clock, settings
    from service.flows import pauses

    with opened(settings.load(database_url=database)) as engine, writing(engine) as session:
        those = pauses.named(session, clinic)
        pauses.begin(session, those, by=who, reason=reason, until=until, now=clock.now(engine))
    typer.echo(f"Paused by {who} until {until:%Y-%m-%d %H:%M} UTC: {', '.join(c.name for c in those)}.")


def _show(database: str | None) -> None:
    from db import pauses
    from db.engine import reading
    from service import clock, settings
    from service.flows import pauses as flow

    with opened(settings.load(database_url=database)) as engine, reading(engine) as session:
        found = flow.sentences(session, pauses.lasting(session, now=clock.now(engine)))
    for line in found or ["Nothing is paused."]:
        typer.echo(line)


@pause_app.command("end")
def end(by: By, clinic: Clinic = None, database: Database = None) -> None:
    """End a pause before its time. What has passed meanwhile is decided at once, the latest rung of each.

    Example: nextcount pause end --by "Kim Lee"
    """
    from db.engine import writing
    from service import clock, settings
    from service.flows import pauses

    who = import_options.named(by)
    with opened(settings.load(database_url=database)) as engine, writing(engine) as session:
        count = pauses.end(session, pauses.named(session, clinic), by=who, now=clock.now(engine))
    typer.echo(f"{count} {'pause is' if count == 1 else 'pauses are'} ended by {who}.")


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("--until: write a moment as 2026-11-22T20:00Z") from None
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).astimezone(UTC)
