"""The ports of this process: the pages and the JSON, and the worker's metrics."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from service.errors import Refused

if TYPE_CHECKING:
    import uvicorn
    from fastapi import FastAPI
    from sqlalchemy.engine import Engine

    from service.settings import Settings

SHUTDOWN_SECONDS = 10  # for answers under way


def listen(app: FastAPI, given: Settings, stop: threading.Event) -> None:
    """Serve until `stop` is set, which SIGTERM and Ctrl-C do at once, before the last answers have gone."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_end, args=(server, stop), daemon=True).start()
    with _bound(given.host, given.port) as bound:
        name = f"[{given.host}]" if ":" in given.host else given.host
        typer.echo(f"nextcount is at http://{name}:{bound.getsockname()[1]}/", err=True)
        server.run([bound])


def _end(server: uvicorn.Server, stop: threading.Event) -> None:
    stop.wait()
    server.should_exit = True


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        raise Refused(f"{host}, port {port}: {reason}: choose others with --host and --port") from None


@contextmanager
def measuring(engine: Engine, given: Settings) -> Iterator[None]:
    """The metrics of this process on a port of their own, while the block runs, when there is one."""
    if given.metrics_port is None:
        yield
        return
    from prometheus_client import start_wsgi_server

    from service import clock
    from service.flows import gauges

    shown = gauges.registry(engine, clock.running(engine))
    try:
        server, thread = start_wsgi_server(given.metrics_port, given.metrics_host, shown)
    except OSError as error:
        raise Refused(f"--metrics-port {given.metrics_port}: {error.strerror}: choose another") from None
    typer.echo(f"metrics are at http://{given.metrics_host}:{server.server_port}/metrics", err=True)
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
