"""The demo: nothing to configure, nothing kept, nobody reached."""

from __future__ import annotations

import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli.running import listen
from service.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine


USUAL_PORT = 8400


def register(app: typer.Typer) -> None:
    app.command("demo")(demo)


def demo(
    once: Annotated[bool, typer.Option("--once", help="End after telling: no pages.")] = False,
    now: Annotated[
        str | None, typer.Option("--now", metavar="MOMENT", help="Let it be 2026-11-22T20:00Z, say.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Of the pages: 8400, or a free one.")
    ] = None,
) -> None:
    """Fourteen days of four clinics with invented patients, told in plain sentences, then shown as pages.

    The database is a temporary one and every configured transport is ignored: messages stay in its outbox.
    Example: nextcount demo --once
    """
    from db import migrations
    from db.engine import make_engine
    from service import clock

    shift = timedelta() if now is None else _moment(now) - clock.machine()
    with tempfile.TemporaryDirectory(prefix="nextcount-demo-") as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'demo.db'}")
        try:
            migrations.upgrade(engine)
            _tell(engine, clock.machine() + shift)
            if not once:
                _show(engine, shift, port)
        finally:
            engine.dispose()


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused("--now: write a moment as 2026-11-22T20:00Z") from None
    if not 2000 <= moment.year < 2100:
        raise Refused("--now: write a moment between 2000 and 2099")
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _tell(engine: Engine, now: datetime) -> None:
    from rich.console import Console

    from service.demo import story, telling

    console = Console(stderr=True)
    with console.status("") as status:
        story.run(engine, now=now, progress=status.update)
    for paragraph in telling.sentences(engine, now=now):
        typer.echo(paragraph)


def _show(engine: Engine, shift: timedelta, port: int | None) -> None:
    """The pages on loopback, on the demo's own time, with the loops running."""
    from service import app, clock
    from service.channels import local
    from service.cli import logs
    from service.demo import keys
    from service.deps import SignIn
    from service.settings import Settings
    from service.worker import Worker

    logs.configure()
    now = clock.shifted(shift)
    loops = Worker(engine, now, local.channels(), reminders_every=10, upkeep_every=60)
    loops.start()
    for line in keys.made(engine, now=now()):
        typer.echo(line)
    typer.echo("The pages follow; Ctrl-C ends the demo and removes its database.")
    try:
        chosen = _free(USUAL_PORT) if port is None else port
        web = app.create_app(engine, now, sign_in=SignIn.NEVER, stand_in=keys.signed_in())
        listen(web, Settings.model_construct(host="127.0.0.1", port=chosen))
    finally:
        loops.stop()


def _free(port: int) -> int:
    """That port, or 0 for any when it is taken."""
    with socket.socket() as probe:
        return port if probe.connect_ex(("127.0.0.1", port)) else 0
