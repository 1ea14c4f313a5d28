"""`nextcount report adherence` as it is called: what it prints, and what it refuses."""

import csv
import io
import json
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import URL, Engine

from db import batches
from db.engine import writing
from db.tables import Clinic
from db.types import new_id
from schedules import library
from service import cli, clock
from service.clock import WoundClock
from service.flows import spreadsheets
from tests.stories.conftest import Practice

NOW = datetime(2026, 1, 20, 17, tzinfo=UTC)
COMPONENTS = {"wbc", "anc", "plt", "hb"}


@pytest.fixture
def empty(database: URL, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(clock, "now", lambda engine: NOW)
    return database.render_as_string(hide_password=False)


@pytest.fixture
def address(empty: str, engine: Engine) -> str:
    """A clinic with a patient due on 12 January, tested on the 13th, and due on the 20th; and one without."""
    practice = Practice(engine, WoundClock(datetime(2026, 1, 5, 17, tzinfo=UTC)))
    practice.open("America/New_York")
    called = {"name": "@Oak\x1b Lane", "phone": "+1 202-555-0100", "emergency_number": "911"}
    row = called | {"id": new_id(), "time_zone": "America/New_York", "created_at": practice.clock()}
    with writing(engine) as session:
        batches.insert(session, Clinic, [row])
    patient = practice.patient(mrn="1", preferred_time=time(9))
    practice.contact(patient)
    practice.course(patient, library.protocol("azathioprine-us-label"), date(2026, 1, 5))
    practice.run_until(datetime(2026, 1, 13, 17, tzinfo=UTC))
    practice.draw(patient, date(2026, 1, 13), COMPONENTS)
    practice.run_until(NOW)
    return empty


def run(address: str, *arguments: str) -> int:
    return cli.main(["report", "adherence", "--database", address, *arguments])


def test_people_read_sentences_and_a_table(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(address) == 0
    shown = capsys.readouterr().out
    assert "On time: 1 of 1 tests (100.0 %). Without days of grace: 0 of 1 tests (0.0 %)." in shown
    assert "Days from the due day to the test: median 1, quartiles 1 and 1;" in shown
    assert "product choice" in shown
    assert [line.split("  ")[0] for line in shown.splitlines()[-3:]] == [
        "@Oak\\x1b Lane",
        "Elm Street",
        "all",
    ]
    assert "no data" in shown.splitlines()[-3]


def test_a_terminal_gets_the_same_figures(
    address: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert run(address) == 0
    shown = capsys.readouterr().out
    assert "On time: 1 of 1 tests (100.0 %)" in shown
    assert "Elm Street" in shown
    assert "\x1b Lane" not in shown


def test_programs_read_json(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(address, "--format", "json", "--to", "2026-01-31", "--clinic", "Elm Street") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["period"], answer["as_of"]) == ({"from": None, "to": "2026-01-31"}, "2026-01-20T17:00:00Z")
    assert answer["method"]["grace_days_used"] == {"3": 2}
    [elm] = answer["groups"]
    assert elm["measures"]["on-time"] == {
        "numerator": 1,
        "denominator": 1,
        "rate": 1.0,
        "parts": {"on-time": 1, "late": 0, "missed": 0, "open-and-overdue": 0},
        "excluded": {"open-not-overdue": 1},
    }
    assert elm["measures"]["coverage"]["patients_without"] == []
    assert elm["lateness"]["median"] == 1
    assert answer["total"] == {name: elm[name] for name in elm if name != "clinic"}


def test_no_data_is_null_and_an_empty_cell(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ("--medicine", "methotrexate")
    assert run(address, "--format", "json", *arguments) == 0
    total = json.loads(capsys.readouterr().out)["total"]
    assert {measure["rate"] for measure in total["measures"].values()} == {None}
    assert total["lateness"]["median"] is None
    assert run(address, "--format", "csv", *arguments) == 0
    assert {row["rate"] for row in table(capsys.readouterr().out)} == {""}


def test_a_spreadsheet_reads_figures_that_add_up_and_no_formula(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(address, "--format", "csv", "--from", "2026-01-01") == 0
    rows = table(capsys.readouterr().out)
    assert {row["group"] for row in rows} == {"'@Oak\x1b Lane", "Elm Street", "(all)"}
    assert {(row["from"], row["to"]) for row in rows} == {("2026-01-01", "2026-01-20")}
    in_rate = [
        row
        for row in rows
        if (row["group"], row["measure"]) == ("(all)", "on-time") and row["kind"] in ("numerator", "rest")
    ]
    assert sum(int(row["value"]) for row in in_rate) == int(in_rate[0]["denominator"]) == 1


@pytest.mark.parametrize(
    "text", ["=1+1", "+1", "-1", "@SUM", "\tx", "\rx", "\uff1d1", "\uff0b1", "\uff0d1", "\uff20A", "\u3000=1"]
)
def test_text_that_begins_like_a_formula_is_quoted(text: str) -> None:
    assert spreadsheets.cell(text) == f"'{text}"
    assert spreadsheets.cell(f"a{text}") == f"a{text}"
    assert spreadsheets.cell(-1) == -1


def test_it_can_be_written_to_a_file(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(address, "--format", "csv", "--out", str(tmp_path / "adherence.csv")) == 0
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"Written to {tmp_path / 'adherence.csv'}.\n")
    assert table((tmp_path / "adherence.csv").read_text())


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--from", "01/02/2026"], "--from: this is not a day: write it as 2026-01-31"),
        (["--to", "2026-02-30"], "--to: this is not a day"),
        (["--to", "2026-1-2"], "--to: this is not a day"),
        (["--from", "2026-01-21"], "--from 2026-01-21 is after the last day, 2026-01-20"),
        (["--as-of", "2026-01-19"], "--as-of: this is not a moment with its zone"),
        (["--as-of", "2026-01-19T09:00"], "--as-of: this is not a moment with its zone"),
        (["--as-of", "0001-01-01T00:00+14:00"], "--as-of: this is not a moment with its zone"),
        (["--as-of", "2027-01-19T09:00Z"], "--as-of is in the future"),
        (["--clinic", "Ash Grove"], "--clinic: there is no clinic of that name"),
        (["--format", "xml"], "'xml' is not one of"),
        (["--out", "/nowhere/adherence.txt"], "/nowhere/adherence.txt: No such file or directory"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    empty: str, capsys: pytest.CaptureFixture[str], arguments: list[str], reason: str
) -> None:
    assert run(empty, *arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.count("\n") == 1
    assert reason in told.err


def table(text: str) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(text)))


# ---- the lines behind a number


def test_the_lines_behind_a_number_are_a_table_for_a_spreadsheet(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["report", "lines", "--database", address, "--measure", "on-time-without-grace"]) == 0
    [line] = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert (line["part"], line["kind"], line["due_on"], line["days_late"]) == (
        "late",
        "rest",
        "2026-01-12",
        "1",
    )


def test_the_lines_of_one_part_alone_and_for_programs(
    address: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    out = tmp_path / "lines.json"
    asked = ["report", "lines", "--database", address, "--json", "--out", str(out)]
    assert cli.main([*asked, "--part", "on-time"]) == 0
    [line] = json.loads(out.read_text())
    assert (line["mrn"], line["collected_on"]) == ("1", "2026-01-13")
    assert cli.main([*asked, "--part", "missed"]) == 0
    assert json.loads(out.read_text()) == []
    assert cli.main(["report", "lines", "--database", address, "--measure", "none"]) == 2
    assert "measure: there are lines of on-time," in capsys.readouterr().err
