"""`hold`, `pause`, `backup`, `restore`, `doctor` as a person types them."""

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from service import settings
from service.cli import main
from service.worker import LockFile

NOBODY = "nextcount: the database is not held: there is nothing to release\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder with a database that `migrate` made and a first command has met."""
    for name in [name for name in os.environ if name.startswith(settings.PREFIX)]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "SECRETS", tmp_path / "no-secrets")
    monkeypatch.chdir(tmp_path)
    assert main(["hold", "show"]) == 0
    return tmp_path


def execute(file: str, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


def test_H64_what_is_restored_is_held_and_released_by_name(home: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["backup", "a.backup"]) == 0
    assert (home / "a.backup").stat().st_mode & 0o077 == 0
    assert main(["backup", "a.backup"]) == 2
    assert main(["restore", "a.backup"]) == 2
    assert "say --yes" in capsys.readouterr().err
    assert main(["restore", "a.backup", "--yes"]) == 0
    assert main(["hold", "show"]) == 0
    assert "HOLD: nothing is sent" in capsys.readouterr().out
    assert main(["hold", "release", "--by", "Kim Invented"]) == 2
    assert main(["hold", "release", "--by", "Kim Invented", "--yes"]) == 0
    assert "released by Kim Invented" in capsys.readouterr().out
    assert main(["hold", "release", "--by", "Kim Invented", "--yes"]) == 2
    assert capsys.readouterr().err == NOBODY


def test_H64_what_is_no_sound_backup_leaves_the_database_as_it_was(home: Path) -> None:
    (home / "text").write_text("no database at all, " * 100)
    execute("other.db", "CREATE TABLE other (id INTEGER)")
    before = (home / "nextcount.db").read_bytes()
    for file in ("text", "other.db", "nowhere"):
        assert main(["restore", file, "--yes"]) == 2
    assert (home / "nextcount.db").read_bytes() == before
    assert sorted(path.name for path in home.iterdir()) == [
        *("nextcount.db", "nextcount.db-deployment", "nextcount.db-loops", "other.db", "text")
    ]


def test_H62_nothing_is_restored_under_a_running_loop(home: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["backup", "a.backup"]) == 0
    loop = LockFile(home / "nextcount.db-loops")
    assert loop.ours()
    try:
        assert main(["restore", "a.backup", "--yes"]) == 2
    finally:
        loop.over()
    assert "stop it first" in capsys.readouterr().err


def test_H66_a_pause_needs_an_owner_a_reason_and_an_end(capsys: pytest.CaptureFixture) -> None:
    for given in (["--by", "Kim"], ["--by", "Kim", "--reason", " ", "--until", "2026-12-01"]):
        assert main(["pause", *given]) == 2
        assert "an owner, a reason and an end" in capsys.readouterr().err
    assert main(["pause", "--by", "Kim", "--reason", "closed", "--until", "soon"]) == 2
    assert "--until: write a moment" in capsys.readouterr().err
    assert main(["pause"]) == 0
    assert capsys.readouterr().out == "Nothing is paused.\n"
    assert main(["pause", "end", "--by", "Kim"]) == 2


def findings(capsys: pytest.CaptureFixture) -> dict[str, bool]:
    capsys.readouterr()
    code = main(["doctor", "--json"])
    found = json.loads(capsys.readouterr().out)
    assert code == int(any(finding["wrong"] for finding in found))
    return {finding["check"]: finding["wrong"] for finding in found}


def test_doctor_says_what_is_wrong_and_what_is_not(capsys: pytest.CaptureFixture) -> None:
    good = ("revision", "invariants", "check-ins", "zones", "hold", "staff", "file", "disk")
    assert findings(capsys) == dict.fromkeys(good, False) | {"loops": True}
    execute("nextcount.db", "UPDATE deployment SET held_since = '2026-01-01 00:00:00', held_reason = 'test'")
    assert findings(capsys)["hold"]
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line[2:7] for line in lines if line.startswith("!")] == [
        "HOLD:",
        "Remin",
        "Remin",
        "Recei",
        "Plans",
        "Alarm",
        "The r",
    ]


def test_doctor_of_another_revision_asks_for_a_migration(capsys: pytest.CaptureFixture) -> None:
    execute("nextcount.db", "UPDATE alembic_version SET version_num = '0001'")
    assert findings(capsys) == {"revision": True, "file": False, "disk": False}


def test_H62_doctor_finds_a_damaged_file(home: Path, capsys: pytest.CaptureFixture) -> None:
    whole = bytearray((home / "nextcount.db").read_bytes())
    whole[4096 * 3 : 4096 * 5] = b"\xff" * 4096 * 2
    (home / "nextcount.db").write_bytes(whole)
    found = findings(capsys)
    assert found["file"]


def test_doctor_makes_no_database(home: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["doctor", "--database", "sqlite:///none.db"]) == 2
    assert "there is no database" in capsys.readouterr().err
    assert not (home / "none.db").exists()
