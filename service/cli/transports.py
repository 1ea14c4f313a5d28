"""`transports`: what a transport would send, and the person who lets it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from service.cli import import_options
from service.cli.imports import By, Yes, confirm
from service.cli.running import Database, opened
from service.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from service.channels import Channels

transports_app = typer.Typer(no_args_is_help=True)


def register(app: typer.Typer) -> None:
    app.add_typer(transports_app, name="transports")


@transports_app.callback()
def transports_() -> None:
    """A new transport, or one that leads to another host, sends nothing until a named person releases it."""


@transports_app.command("show")
def show(database: Database = None) -> None:
    """The configured transports, who released them, and what goes out within a day. Changes nothing.

    Example: nextcount transports show
    """
    from service import settings
    from service.channels import transports

    given = settings.load(database_url=database)
    with opened(given) as engine:
        _preview(engine, transports.channels(given))


@transports_app.command("release")
def release(by: By, yes: Yes = False, database: Database = None) -> None:
    """Let the configured transports that wait for it send, now and at every later start.

    Example: nextcount transports release --by "Kim Lee"
    """
    from db.engine import reading
    from service import clock, settings
    from service.channels import transports
    from service.flows import transports as flow

    who, given = import_options.named(by), settings.load(database_url=database)
    channels = transports.channels(given)
    with opened(given) as engine:
        with reading(engine) as session:
            if not flow.waiting(session, channels):
                raise Refused("no configured transport waits for a release")
        _preview(engine, channels)
        confirm(f"Release them as {who}?", yes)
        released = flow.release(engine, channels, by=who, now=clock.now(engine))
    names = ", ".join(f"{name.value} ({place})" for name, place in sorted(released.items()))
    typer.echo(f"Released by {who}: {names}.")


def _preview(engine: Engine, channels: Channels) -> None:
    from db import lanes
    from db.engine import reading
    from service import clock
    from service.flows import transports as flow

    with reading(engine) as session:
        found = flow.preview(session, channels, now=clock.now(engine))
        waiting = flow.waiting(session, channels)
        by = {lane.channel: lane.released_by for lane in lanes.every(session)}
    for one in found:
        state = "not released" if one.channel in waiting else f"released by {by[one.channel]}"
        typer.echo(
            f"{one.channel.value} ({one.place}): {state}; within a day {one.messages} messages "
            f"to {one.patients} patients."
        )
    if not found:
        typer.echo("No transport is configured: everything stays in the local outbox.")
