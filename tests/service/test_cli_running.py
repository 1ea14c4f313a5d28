"""`serve`, `worker`, `migrate` as processes: they start on nothing, stop when told, refuse what is unsafe."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from sqlalchemy.engine import URL

from db import migrations
from db.engine import make_engine
from service.flows import health
from tests.trace import tree

PROGRAM = [sys.executable, "-c", "import sys; from service.cli import main; sys.exit(main())"]
LOOPS = len(health.WHAT)
SOON = 40


def environment(**given: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEXTCOUNT_")}
    return kept | {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONUNBUFFERED": "1"} | given


def done(*arguments: str, cwd: Path, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments],
        cwd=cwd,
        env=environment(**given),
        capture_output=True,
        text=True,
        timeout=SOON,
    )


@contextmanager
def running(*arguments: str, cwd: Path, **given: str) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """A command that stays, and the file its standard error goes to."""
    log = cwd / "stderr"
    with (
        log.open("w") as file,
        subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=cwd,
            env=environment(**given),
            stdout=subprocess.PIPE,
            stderr=file,
            text=True,
        ) as process,
    ):
        try:
            yield process, log
        finally:
            process.kill()


def eventually(true: Callable[[], Any]) -> Any:
    end = time.monotonic() + SOON
    while not (found := true()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)
    return found


def address_in(log: Path) -> str:
    match = eventually(lambda: re.search(r"nextcount is at (http://\S+/)", log.read_text()))
    return str(match[1])


def status(address: str) -> int:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def beats(file: Path) -> int:
    connection = sqlite3.connect(file)
    try:
        return int(connection.execute("SELECT count(*) FROM heartbeat").fetchone()[0])
    except sqlite3.OperationalError:
        return 0
    finally:
        connection.close()


def test_serve_starts_on_nothing_is_ready_and_stops_when_told(tmp_path: Path) -> None:
    with running("serve", "--port", "0", cwd=tmp_path) as (process, log):
        address = address_in(log)
        assert address.startswith("http://127.0.0.1:")
        eventually(lambda: status(f"{address}health/ready") == 200)
        assert status(address) == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""
    assert (tmp_path / "nextcount.db").exists()
    lines = [line for line in log.read_text().splitlines() if not line.startswith("nextcount is at ")]
    assert [line for line in lines if "level" not in json.loads(line)] == []
    assert "Traceback" not in log.read_text()


def test_serve_without_the_worker_sends_nothing_and_says_so(tmp_path: Path) -> None:
    with running("serve", "--no-worker", "--port", "0", cwd=tmp_path) as (process, log):
        address = address_in(log)
        assert status(f"{address}health/live") == 200
        assert status(f"{address}health/ready") == 503
        process.send_signal(signal.SIGINT)
        assert process.wait(SOON) == 0
    assert beats(tmp_path / "nextcount.db") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_worker_runs_the_loops_and_stops_when_told(tmp_path: Path, number: signal.Signals) -> None:
    with running("worker", cwd=tmp_path) as (process, log):
        eventually(lambda: (tmp_path / "nextcount.db").exists() and beats(tmp_path / "nextcount.db") == LOOPS)
        process.send_signal(number)
        assert process.wait(SOON) == 0
    assert "Traceback" not in log.read_text()


def test_a_port_that_is_taken_is_said_in_one_line(tmp_path: Path) -> None:
    with running("serve", "--no-worker", "--port", "0", cwd=tmp_path) as (_, log):
        port = address_in(log).rstrip("/").rpartition(":")[2]
        other = done("serve", "--no-worker", "--port", port, cwd=tmp_path)
    assert (other.returncode, other.stdout) == (2, "")
    assert other.stderr == (
        f"nextcount: 127.0.0.1, port {port}: Address already in use: choose others with --host and --port\n"
    )


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "clinic.example"])
def test_serve_does_not_listen_beyond_the_machine_by_mistake(tmp_path: Path, host: str) -> None:
    refused = done("serve", "--host", host, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--without-sign-in" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_serve_listens_beyond_the_machine_when_told_so(tmp_path: Path) -> None:
    options = ("--no-worker", "--without-sign-in", "--host", "0.0.0.0", "--port", "0")
    with running("serve", *options, cwd=tmp_path) as (_, log):
        port = address_in(log).rstrip("/").rpartition(":")[2]
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/health/live", headers={"Host": "clinic.example"}
        )
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert answer.status == 200


def test_serve_listens_beyond_the_machine_once_there_is_a_user(tmp_path: Path) -> None:
    key = done("user", "add", "Dana Reyes", "--role", "coordinator", cwd=tmp_path).stdout.strip()
    with running("serve", "--no-worker", "--host", "0.0.0.0", "--port", "0", cwd=tmp_path) as (_, log):
        port = address_in(log).rstrip("/").rpartition(":")[2]
        address = f"http://127.0.0.1:{port}/v1/overdue"
        assert status(address) == 401
        asked = urllib.request.Request(address, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(asked, timeout=5) as answer:
            assert answer.status == 200


def test_the_composed_web_starts_with_its_own_options(tmp_path: Path) -> None:
    """The options of docker-compose.yml and of the image are options of `serve`."""
    composed = YAML(typ="safe").load(tree.ROOT / "docker-compose.yml")["services"]["web"]["command"]
    image = json.loads((tree.ROOT / "service" / "Dockerfile").read_text().rpartition("\nCMD ")[2])
    for command in (composed, image):
        asked = done(*command, "--database", "mysql://none/none", cwd=tmp_path)
        assert (asked.returncode, asked.stderr[:33]) == (2, "nextcount: NEXTCOUNT_DATABASE_URL")


LOOPS = len(health.LOOPS)
GATEWAY = {
    "NEXTCOUNT_WEBHOOK_URL": "http://127.0.0.1:9/",
    "NEXTCOUNT_WEBHOOK_SECRET": "between the gateway and us",
}


def released(folder: Path) -> list[tuple[str, str | None, str | None]]:
    with closing(sqlite3.connect(folder / "nextcount.db")) as connection:
        return connection.execute("SELECT channel, place, released_by FROM lane ORDER BY channel").fetchall()


def test_a_transport_waits_until_somebody_has_seen_what_would_go_out_and_releases_it(tmp_path: Path) -> None:
    with running("worker", cwd=tmp_path, **GATEWAY) as (process, _):
        there = tmp_path / "nextcount.db"
        eventually(lambda: there.exists() and beats(there) == LOOPS)
        process.send_signal(signal.SIGTERM)
        assert process.wait(SOON) == 0
    assert released(tmp_path) == [("sms", "127.0.0.1:9", None)]
    shown = "sms (127.0.0.1:9): not released; within a day 0 messages to 0 patients.\n"
    release = ("transports", "release", "--by", "Dana Reyes")
    asked = done(*release, cwd=tmp_path, **GATEWAY)
    assert (asked.returncode, asked.stdout) == (2, shown)
    assert asked.stderr == "nextcount: nothing was done, for there is nobody to ask: say --yes\n"
    agreed = done(*release, "--yes", cwd=tmp_path, **GATEWAY)
    assert agreed.stdout == f"{shown}Released by Dana Reyes: sms (127.0.0.1:9).\n"
    assert released(tmp_path) == [("sms", "127.0.0.1:9", "Dana Reyes")]
    shown = done("transports", "show", cwd=tmp_path, **GATEWAY).stdout
    assert shown.startswith("sms (127.0.0.1:9): released by Dana Reyes; ")


def test_migrate_brings_an_empty_database_to_the_head_and_may_be_repeated(tmp_path: Path) -> None:
    for _ in range(2):
        migrated = done("migrate", cwd=tmp_path)
        assert (migrated.returncode, migrated.stdout) == (0, "")
        assert migrated.stderr == f"The database is at {migrations.head()}.\n"
    engine = make_engine(f"sqlite:///{tmp_path}/nextcount.db")
    assert migrations.current(engine) == migrations.head()
    engine.dispose()


@pytest.mark.parametrize("command", ["migrate", "serve"])
def test_a_database_of_a_later_program_is_left_alone(command: str, tmp_path: Path) -> None:
    assert done("migrate", cwd=tmp_path).returncode == 0
    with closing(sqlite3.connect(tmp_path / "nextcount.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    refused = done(command, cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr == (
        "nextcount: the database is at revision 9999, which this program does not know: "
        "install the version of nextcount that wrote it\n"
    )


@pytest.mark.parametrize("command", ["worker", "serve"])
def test_on_postgresql_a_person_migrates(command: str, tmp_path: Path, postgresql_server: URL) -> None:
    unmigrated = postgresql_server.set(database="postgres").render_as_string(hide_password=False)
    refused = done(command, cwd=tmp_path, NEXTCOUNT_DATABASE_URL=unmigrated)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "run nextcount migrate first" in refused.stderr
    assert refused.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "url", "code", "words"),
    [
        ("migrate", "nonsense", 2, "NEXTCOUNT_DATABASE_URL"),
        ("worker", "mysql://ann:s3cret@db/x", 2, "NEXTCOUNT_DATABASE_URL"),
        ("serve", "sqlite:////nowhere/at/all.db", 1, "the database cannot be used"),
        ("migrate", "postgresql://ann:s3cret@127.0.0.1:9/x", 1, "the database cannot be used"),
        ("worker", "postgresql://ann:s3cret@127.0.0.1:9/x", 1, "the database cannot be used"),
    ],
)
def test_a_database_that_is_not_there_is_said_in_one_line(
    tmp_path: Path, command: str, url: str, code: int, words: str
) -> None:
    failed = done(command, cwd=tmp_path, NEXTCOUNT_DATABASE_URL=url)
    assert (failed.returncode, failed.stdout) == (code, "")
    assert words in failed.stderr
    assert failed.stderr.count("\n") == 1
    assert "s3cret" not in failed.stderr
