"""`nextcount wording` as it is called: what it prints, and what it refuses."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.engine import URL, Engine

from db.engine import writing
from db.tables import Clinic
from service import cli, clock
from service.messages import specimens

NOW = datetime(2026, 1, 5, 17, tzinfo=UTC)


@pytest.fixture
def address(database: URL, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(clock, "now", lambda engine: NOW)
    return database.render_as_string(hide_password=False)


def found(engine: Engine, name: str) -> None:
    with writing(engine) as session:
        called = {"phone": "1", "emergency_number": "112"}
        session.add(Clinic(name=name, time_zone="Europe/London", created_at=NOW, **called))


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.main(["wording", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_spanish_is_off_then_signed_then_in_use(
    engine: Engine, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found(engine, "Elm Street")
    at = ("--database", address)
    english = "Elm Street: en (English) is in use: not signed\n"
    assert run(capsys, "list", *at) == (0, f"{english}Elm Street: es (Español) is off: not signed\n", "")
    signed = run(capsys, "sign", "es", "--by", "Ana Ruiz", *at)
    assert signed == (0, "Elm Street: es is signed by Ana Ruiz and in use.\n", "")
    spanish = "Elm Street: es (Español) is in use: signed by Ana Ruiz on 2026-01-05\n"
    assert run(capsys, "list", *at) == (0, english + spanish, "")
    code, _, err = run(capsys, "sign", "es", "--by", "Ana Ruiz", *at)
    assert (code, err) == (2, "nextcount: es was signed for Elm Street by Ana Ruiz, in these very words\n")
    _, out, _ = run(capsys, "list", "--json", *at)
    assert [(row["language"], row["in_use"], row["signed"], row["by"]) for row in json.loads(out)] == [
        ("en", True, False, None),
        ("es", True, True, "Ana Ruiz"),
    ]


def test_of_several_clinics_one_is_named(
    engine: Engine, address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sign = ("sign", "es", "--by", "Ana Ruiz", "--database", address)
    assert "there is no clinic yet" in run(capsys, *sign)[2]
    found(engine, "Elm Street")
    found(engine, "Oak\x1b Lane")
    code, _, err = run(capsys, *sign)
    assert (code, err) == (2, "nextcount: there are several clinics: name one with --clinic\n")
    assert "there is no such clinic" in run(capsys, *sign, "--clinic", "Ash")[2]
    assert run(capsys, *sign, "--clinic", "Elm Street")[0] == 0
    _, out, _ = run(capsys, "list", "--database", address)
    assert out.splitlines()[1::2] == [
        "Elm Street: es (Español) is in use: signed by Ana Ruiz on 2026-01-05",
        "Oak\\x1b Lane: es (Español) is off: not signed",
    ]


def test_a_reviewer_reads_every_message_without_a_database(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(capsys, "show", "es") == (0, specimens.page("es"), "")
    assert list(tmp_path.iterdir()) == []
    code, out, err = run(capsys, "show", "tlh")
    assert (code, out) == (2, "")
    assert err == "nextcount: there is no wording in that language: use one of en, es\n"


@pytest.mark.parametrize("by", ["", "  "])
def test_nobody_signs_without_a_name(address: str, capsys: pytest.CaptureFixture[str], by: str) -> None:
    code, _, err = run(capsys, "sign", "es", "--by", by, "--database", address)
    assert (code, err) == (2, "nextcount: --by: write the name of the person who decides this\n")
