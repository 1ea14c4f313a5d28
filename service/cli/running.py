"""What keeps running, and what must be there before it can.

Imports what a command needs when it runs: `simulate` starts in a third of the time without a database.
"""

from __future__ import annotations

import ipaddress
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from service.cli import addresses, ports
from service.errors import Failed, Refused

if TYPE_CHECKING:
    from fastapi import FastAPI
    from sqlalchemy.engine import Engine

    from service.links import Links
    from service.settings import Settings

ASKED = (signal.SIGTERM, signal.SIGINT)

Database = Annotated[
    str | None,
    typer.Option("--database", metavar="URL", help="Instead of NEXTCOUNT_DATABASE_URL."),
]


def register(app: typer.Typer) -> None:
    app.command("serve")(serve)
    app.command("worker")(worker)
    app.command("migrate")(migrate)


def serve(
    database: Database = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on: 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(help="The port: 8400.")] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Only the web: others send.")] = False,
    without_sign_in: Annotated[
        bool,
        typer.Option(
            "--without-sign-in",
            help="Ask nobody who they are: only where a proxy or a network of your own does that.",
        ),
    ] = False,
) -> None:
    """The pages and the JSON, and in the same process the loops that send.

    Example: nextcount serve
    """
    from service import settings

    given, stop = settings.load(database_url=database, host=host, port=port), told_to_stop()
    with opened(given) as engine, ExitStack() as stack:
        if not (without_sign_in or _is_seen_here_alone(given)):
            _somebody_can_sign_in(engine)
        links = addresses.links_of(engine, given)
        if not no_worker:
            stack.enter_context(working(engine, given, links, stop))
        ports.listen(web(engine, given, links, without_sign_in=without_sign_in), given, stop)


def _somebody_can_sign_in(engine: Engine) -> None:
    from db import users
    from db.engine import reading

    with reading(engine) as session:
        if users.exist(session):
            return
    raise Refused(
        "other machines can reach this, and nobody can sign in yet: run nextcount user add NAME --role "
        "coordinator first, listen on 127.0.0.1 without a public address, or say --without-sign-in"
    )


def worker(
    database: Database = None,
    metrics_port: Annotated[
        int | None, typer.Option("--metrics-port", help="Where Prometheus finds /metrics, on 127.0.0.1.")
    ] = None,
) -> None:
    """Only the loops that send: any number of them beside one PostgreSQL.

    Told to stop, it begins no call, settles those under way and hands the rest back.
    Example: nextcount worker
    """
    from service import settings

    given, stop = settings.load(database_url=database, metrics_port=metrics_port), told_to_stop()
    with opened(given) as engine, ports.measuring(engine, given):
        links = addresses.links_of(engine, given)
        with working(engine, given, links, stop):
            stop.wait()


def told_to_stop() -> threading.Event:
    """Set by SIGTERM and Ctrl-C from now on, and by loops that cannot go on.

    A thread waits for the signals: a handler runs only when the main thread wakes up, which a signal that was
    given to another thread does not do, and it might set what the main thread holds locked.
    """
    stop = threading.Event()
    signal.pthread_sigmask(signal.SIG_BLOCK, ASKED)
    threading.Thread(target=_await_signal, args=(stop,), daemon=True).start()
    return stop


def _await_signal(stop: threading.Event) -> None:
    signal.sigwait(ASKED)
    stop.set()


def migrate(database: Database = None) -> None:
    """Bring the database's tables to this version: once, before anything else is started on it.

    Example: nextcount migrate
    """
    from db import migrations
    from service import settings

    engine = engine_of(settings.load(database_url=database))
    _upgrade(engine)
    typer.echo(f"The database is at {migrations.head()}.", err=True)


@contextmanager
def opened(given: Settings) -> Iterator[Engine]:
    """The database at this program's revision, with logs to standard error; SQLite is brought there.

    On PostgreSQL other processes may be at work on it, so a person runs `nextcount migrate`.
    """
    from db import migrations
    from service import clock
    from service.cli import logs
    from service.flows import holds

    engine = engine_of(given)
    if engine.dialect.name == "sqlite":
        _upgrade(engine)
    elif migrations.current(engine) != migrations.head():
        raise Refused(f"the database is not at revision {migrations.head()}: run nextcount migrate first")
    logs.configure()
    try:
        holds.meet(engine, given.deployment_id, now=clock.now(engine))
        yield engine
    finally:
        engine.dispose()


def _upgrade(engine: Engine) -> None:
    from alembic.util import CommandError

    from db import migrations

    try:
        migrations.upgrade(engine)
    except CommandError:
        raise Refused(
            f"the database is at revision {migrations.current(engine)}, which this program does not know: "
            "install the version of nextcount that wrote it"
        ) from None


def engine_of(given: Settings) -> Engine:
    """The engine of the settings' database. Refused when there is no such kind of database."""
    from db.engine import make_engine

    try:
        return make_engine(given.database)
    except ValueError as error:
        raise Refused(f"NEXTCOUNT_DATABASE_URL: {error}") from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_seen_here_alone(given: Settings) -> bool:
    """A public address is a proxy's on this machine: what it hands on comes from loopback too."""
    return _is_loopback(given.host) and given.public_url is None


def web(engine: Engine, given: Settings, links: Links | None, *, without_sign_in: bool = False) -> FastAPI:
    """The application, known by the names of loopback when it listens there, and by its public one."""
    from service import app, clock
    from service.channels import transports
    from service.deps import SignIn

    public = [given.public_host] if given.public_host is not None else []
    hosts = [*app.LOOPBACK, *public] if _is_loopback(given.host) else None
    asks = SignIn.WITH_USERS if _is_seen_here_alone(given) else SignIn.ALWAYS
    asks = SignIn.NEVER if without_sign_in else asks
    return app.create_app(
        engine,
        clock.running(engine),
        local_only=not given.has_transports,
        hosts=hosts,
        links=links,
        gateway=transports.gateway(given),
        sign_in=asks,
    )


@contextmanager
def working(
    engine: Engine,
    given: Settings,
    links: Links | None,
    stop: threading.Event,
) -> Iterator[None]:
    """The loops, while the block runs. A transport that nobody has released sends nothing.

    They set `stop` when they cannot go on; at the end of the block that is a failure.
    """
    from service import clock, litter
    from service.channels import transports
    from service.flows import transports as releasing
    from service.flows.notices import Manner
    from service.worker import Worker

    channels = transports.channels(given)
    releasing.meet(engine, channels)
    manner = Manner(public_url=given.public_url, canary=transports.canary(given, channels))
    call_outside = transports.dead_man(given)

    loops = Worker(
        engine,
        clock.running(engine),
        channels,
        links=links,
        reminders_every=given.reminders_every,
        upkeep_every=given.upkeep_every,
        stopping=stop,
        manner=manner,
        canary_every=timedelta(seconds=given.canary_every),
        call_outside=call_outside,
    )
    loops.start()
    try:
        with litter.seldom_collected():
            yield
    finally:
        if not loops.stop():
            _leave("a channel did not come back: what it had in hand is looked at again in a minute")
    if loops.failure is not None:
        raise Failed(loops.failure)


def _leave(why: str) -> NoReturn:
    """End although a thread hangs, for which an ordinary end would wait."""
    typer.echo(f"nextcount: {why}", err=True)
    os._exit(1)
