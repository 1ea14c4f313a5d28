"""A server of one process. It says its port.

The bare one is the same framework with one route, that answers with one row by the bare driver. The other
does also what every reading of ours must: it looks up the key and leaves an entry in the audit.
"""

import hashlib
import os
import socket
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID, uuid4

import psycopg
import uvicorn
from fastapi import FastAPI, Header
from sqlalchemy.engine import URL, make_url
from starlette.responses import JSONResponse

from db.engine import make_engine
from service.app import create_app
from service.cli import logs
from service.limits import Limits, Rate
from tests.bench import seed, stage

NEVER = Rate(10**9, 10**9)  # nobody is asked to wait
KEY = (
    "SELECT u.clinic_id, u.name, k.secret_hash FROM api_key k JOIN user_account u ON u.id = k.user_id "
    "WHERE k.prefix = {0}"
)
ENTRY = (
    "INSERT INTO audit_entry (clinic_id, id, at, actor, action, subject, subject_id, detail) "
    "VALUES ({0}, {0}, {0}, {0}, 'read', 'patient', {0}, '{{}}')"
)
BEGIN = {
    "sqlite": ("PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE"),
    "postgresql": ("BEGIN", "SET LOCAL synchronous_commit = off"),
}
ROW = "SELECT id, mrn, name, birth_date, time_zone FROM patient WHERE clinic_id = {0} AND id = {0}"


def ours(url: URL) -> FastAPI:
    return create_app(make_engine(url), lambda: seed.DUE, limits=Limits(address=NEVER, key=NEVER))


def bare(url: URL) -> FastAPI:
    app, mine = FastAPI(openapi_url=None), threading.local()
    query, connect = _driver(url)

    @app.get("/{clinic_id}/{patient_id}")
    def read(clinic_id: str, patient_id: str) -> JSONResponse:
        if not hasattr(mine, "connection"):
            mine.connection = connect()
        row = mine.connection.execute(query, (clinic_id, patient_id)).fetchone()
        return JSONResponse([str(value) for value in row])

    return app


def noted(url: URL) -> FastAPI:
    app, mine = FastAPI(openapi_url=None), threading.local()
    query, connect = _driver(url)
    mark, begin = query.rpartition(" ")[2], BEGIN[url.get_backend_name()]
    key, entry = KEY.format(mark), ENTRY.format(mark)

    @app.get("/v1/patients/{patient_id}")
    def read(patient_id: UUID, authorization: Annotated[str, Header()]) -> JSONResponse:
        if not hasattr(mine, "connection"):
            mine.connection = connect()
        ask, (prefix, _, secret) = mine.connection.execute, authorization[7:].partition(".")
        for statement in begin:
            ask(statement)
        clinic_id, user, digest = ask(key, (prefix,)).fetchone()
        assert digest == hashlib.sha256(secret.encode()).hexdigest()
        row = ask(query, (clinic_id, patient_id.hex)).fetchone()
        ask(entry, (clinic_id, uuid4().hex, seed.DUE.isoformat(), user, patient_id.hex))
        ask("COMMIT")
        return JSONResponse([str(value) for value in row])

    return app


def _driver(url: URL) -> tuple[str, Callable[[], Any]]:
    if url.get_backend_name() == "sqlite":
        return ROW.format("?"), partial(sqlite3.connect, str(url.database), isolation_level=None)
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return ROW.format("%s"), partial(psycopg.connect, address, autocommit=True)


def main(url: str, which: str) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # a line for each request
    logs.configure()
    app = {"ours": ours, "bare": bare, "noted": noted}[which](make_url(url))
    config = uvicorn.Config(app, log_config=None, access_log=False, server_header=False, lifespan="off")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        stage.say(bound.getsockname()[1])
        server.run([bound])
