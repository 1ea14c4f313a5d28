"""`nextcount staff` as it is called: what it prints, what it refuses, and who set what is kept."""

import json
from datetime import UTC, datetime

import pytest
from sqlalchemy.engine import URL, Engine

from db import batches
from db.engine import reading, writing
from db.tables import AuditEntry, Clinic
from service import cli, clock

NOW = datetime(2026, 1, 5, 17, tzinfo=UTC)
DESK = "front.desk@clinic.example"
LOCAL = "No e-mail transport is configured: they go to the local outbox.\n"


@pytest.fixture
def address(database: URL, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(clock, "now", lambda engine: NOW)
    return database.render_as_string(hide_password=False)


def found(engine: Engine, name: str) -> None:
    with writing(engine) as session:
        called = {"phone": "1", "emergency_number": "112"}
        session.add(Clinic(name=name, time_zone="Europe/London", created_at=NOW, **called))


def run(capsys: pytest.CaptureFixture[str], address: str, *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["staff", *arguments, "--database", address])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_an_address_is_set_changed_listed_and_removed(
    engine: Engine, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found(engine, "Elm Street")
    nobody = "Elm Street: nobody is mailed everything: nextcount staff set ADDRESS\n"
    assert run(capsys, address, "list") == (0, nobody, "")
    by = ("--by", "Kim Lee")
    said = f"Elm Street: {DESK} gets digest and alarms.\n"
    assert run(capsys, address, "set", DESK, *by) == (0, said, LOCAL)
    assert run(capsys, address, "list") == (
        0, f"Elm Street: {DESK} gets digest and alarms, set by Kim Lee\n", "",
    )  # fmt: skip
    assert run(capsys, address, "set", DESK.upper(), "--no-digest", *by)[0] == 0
    _, out, _ = run(capsys, address, "list", "--json")
    assert json.loads(out) == [
        {"clinic": "Elm Street", "address": DESK, "digest": False, "alarms": True, "set_by": "Kim Lee"}
    ]
    removed = run(capsys, address, "remove", DESK, "--by", "Ana Ruiz")
    assert removed == (0, f"Elm Street: {DESK} gets nothing more.\n", "")
    assert run(capsys, address, "list") == (0, nobody, "")
    with reading(engine) as session:
        kept = session.execute(batches.table(AuditEntry).select()).all()
    assert [(row.actor, row.action) for row in kept] == [
        ("Kim Lee", "staff set"), ("Kim Lee", "staff set"), ("Ana Ruiz", "staff remove"),
    ]  # fmt: skip
    assert kept[1].detail == {"address": DESK, "digest": False, "alarms": True}


@pytest.mark.parametrize(
    "wrong", ["front desk", "a@", "@b.example", "a@b..example", "+12025550101", "a@b\n.example"]
)
def test_what_is_no_address_is_refused_in_one_sentence(
    engine: Engine, address: str, capsys: pytest.CaptureFixture[str], wrong: str
) -> None:
    found(engine, "Elm Street")
    refused = "nextcount: this is no e-mail address: write one as front.desk@clinic.example\n"
    assert run(capsys, address, "set", wrong, "--by", "Kim Lee") == (2, "", refused)


def test_what_makes_no_sense_is_refused(
    engine: Engine, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found(engine, "Elm Street")
    by = ("--by", "Kim Lee")
    nothing = run(capsys, address, "set", DESK, "--no-digest", "--no-alarms", *by)
    assert nothing == (2, "", "nextcount: it would be mailed nothing: use nextcount staff remove\n")
    unknown = run(capsys, address, "remove", DESK, *by)
    assert unknown[2] == (
        "nextcount: Elm Street does not mail this address: nextcount staff list shows whom it does\n"
    )
    found(engine, "Oak Street")
    assert "name one with --clinic" in run(capsys, address, "set", DESK, *by)[2]
    assert run(capsys, address, "set", DESK, "--clinic", "Oak Street", *by)[0] == 0
    assert run(capsys, address, "list")[1].splitlines()[1] == (
        "Elm Street: nobody is mailed everything: nextcount staff set ADDRESS"
    )
