"""The demo: nothing to configure, nothing kept, nobody reached."""

from __future__ import annotations

import secrets
import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import ports
from service.cli.running import told_to_stop
from service.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from service.links import Links


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
    from service.links import Links

    shift = timedelta() if now is None else _moment(now) - clock.machine()
    with tempfile.TemporaryDirectory(prefix="nextcount-demo-") as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'demo.db'}")
        try:
            migrations.upgrade(engine)
            chosen = None if once else port or _free(port)
            links = None if chosen is None else Links(f"http://127.0.0.1:{chosen}", [secrets.token_hex()])
            _tell(engine, clock.machine() + shift, links)
            if chosen is not None:
                _show(engine, shift, chosen, links)
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


def _tell(engine: Engine, now: datetime, links: Links | None) -> None:
    from rich.console import Console

    from service.demo import story, telling

    console = Console(stderr=True)
    with console.status("") as status:
        story.run(engine, now=now, progress=status.update, links=links)
    for paragraph in telling.sentences(engine, now=now, links=links):
        typer.echo(paragraph)


def _show(engine: Engine, shift: timedelta, port: int, links: Links | None) -> None:
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
    stop = told_to_stop()
    loops = Worker(
        engine, now, local.channels(), links=links, reminders_every=10, upkeep_every=60, stopping=stop
    )
    loops.start()
    for line in keys.made(engine, now=now()):
        typer.echo(line)
    typer.echo("The pages follow; Ctrl-C ends the demo and removes its database.")
    try:
        web = app.create_app(engine, now, links=links, sign_in=SignIn.NEVER, stand_in=keys.signed_in())
        ports.listen(web, Settings.model_construct(host="127.0.0.1", port=port), stop)
    finally:
        loops.stop()


def _free(port: int | None) -> int:
    """The usual port, or another where it is taken: links name it before anybody listens."""
    with socket.socket() as probe:
        if port is None and probe.connect_ex(("127.0.0.1", USUAL_PORT)):
            return USUAL_PORT
    with socket.create_server(("127.0.0.1", 0)) as any_:
        return int(any_.getsockname()[1])
