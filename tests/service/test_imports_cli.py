import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from service import cli
from tests.service.records import Records

Run = Callable[..., tuple[int, str, str]]
LABEL = "azathioprine-us-label"
CLINIC = [
    "--clinic-time-zone",
    "Europe/London",
    "--clinic-phone",
    "+44 20 7946 0000",
    "--emergency-number",
    "999",
]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs one command on a database of this test's own: exit code, output, errors."""
    monkeypatch.setenv("NEXTCOUNT_DATABASE_URL", f"sqlite:///{tmp_path / 'clinic.db'}")

    def command(*arguments: str | Path) -> tuple[int, str, str]:
        code = cli.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def records(tmp_path: Path) -> Records:
    folder = tmp_path / "records"
    folder.mkdir()
    return Records(folder).write(
        patients=["1,Zaphod Invented,1980-01-01", "2,Trillian Invented,1981-01-01"],
        courses=[f"1,{LABEL},2026-01-05", f"2,{LABEL},2026-01-05"],
    )


def test_a_folder_comes_in_with_counts_and_the_way_on(run: Run, records: Records) -> None:
    code, out, err = run("import", records.folder, *CLINIC)
    assert (code, err) == (0, "")
    assert "Patients: 2 new, 0 stored already, 0 refused." in out
    assert "nextcount imports release latest --by NAME" in out
    assert run("import", records.folder)[:2] == (
        0,
        "Patients: 0 new, 2 stored already, 0 refused.\n"
        "Courses: 0 new, 2 stored already, 0 refused.\n"
        "Nothing is new: nothing changed.\n",
    )


def test_a_dry_run_says_that_it_was_one(run: Run, records: Records) -> None:
    code, out, _ = run("import", records.folder, *CLINIC, "--dry-run")
    assert code == 0
    assert "This was a dry run: nothing was." in out
    assert run("imports", "list")[1] == "Nothing was imported yet.\n"


def test_a_refused_row_is_a_line_with_its_file_line_and_column(run: Run, records: Records) -> None:
    records.write(results=["1,2026-01-12,wbc,five,10*9/L,", "3,2026-01-12,wbc,5.1,10*9/L,"])
    code, out, err = run("import", records.folder, *CLINIC)
    assert code == 1
    assert err.splitlines() == [
        "results.csv:2: value: the value is not a number; write a plain number, as 3.5, or a bound, as <0.2.",
        "results.csv:3: mrn: no patient has this number; add the patient, or correct the row of the patient.",
    ]
    assert "2 rows were refused, so nothing was written" in out


def test_the_good_rows_come_in_when_asked_for(run: Run, records: Records) -> None:
    records.write(results=["1,2026-01-12,wbc,five,10*9/L,", "1,2026-01-12,plt,210,10*9/L,"])
    code, out, _ = run("import", records.folder, *CLINIC, "--good-rows")
    assert code == 1
    assert "1 row was refused; the good rows are written." in out
    assert "Results: 1 new, 0 stored already, 1 refused." in out


def test_the_answer_as_json_is_all_that_is_printed(run: Run, records: Records) -> None:
    records.write(results=["1,2026-01-12,wbc,five,10*9/L,"])
    code, out, _ = run("import", records.folder, *CLINIC, "--good-rows", "--json")
    answer = json.loads(out)
    assert code == 1
    assert answer["tables"]["patients"]["new"] == 2
    assert [(error["file"], error["line"], error["column"]) for error in answer["errors"]] == [
        ("results.csv", 2, "value")
    ]
    assert json.loads(run("imports", "list", "--json")[1])[0]["import"] == answer["import"]


def test_an_import_is_previewed_released_and_undone_by_name(run: Run, records: Records) -> None:
    run("import", records.folder, *CLINIC)
    assert "2 patients have something open" in run("imports", "preview")[1]
    code, out, _ = run("imports", "release", "latest", "--by", "Kim Lee", "--yes")
    assert code == 0
    assert out.endswith("is released by Kim Lee.\n")
    assert "released by Kim Lee" in run("imports", "list")[1]
    code, out, _ = run("imports", "undo", "latest", "--by", "Lou Lee", "--yes")
    assert code == 0
    assert "2 courses, 2 patients taken back" in out
    assert "undone by Lou Lee" in run("imports", "list")[1]


@pytest.mark.parametrize("action", ["release", "undo"])
def test_a_release_and_an_undoing_need_a_name_and_a_yes(run: Run, records: Records, action: str) -> None:
    run("import", records.folder, *CLINIC)
    code, _, err = run("imports", action, "latest")
    assert (code, "--by" in err) == (2, True)
    assert run("imports", action, "latest", "--by", " ")[0] == 2
    code, _, err = run("imports", action, "latest", "--by", "Kim Lee")
    assert (code, "there is nobody to ask: say --yes" in err) == (2, True)
    assert "paused" in run("imports", "list")[1]


REFUSED = [
    (["import", "no-such-folder"], "there is no such folder"),
    (["import", "{records}"], "the clinic Elm Street is not known yet"),
    (["import", "{records}", "--map", "no-such-map.toml"], "no-such-map.toml: the map cannot be read"),
    (["import", "{records}", "--protocol", "no-such.toml"], "no-such.toml: the file cannot be read"),
    (["import", "{records}", "--protocol", "{records}/patients.csv"], "patients.csv: this is not TOML"),
    (["import", "{records}", "--clinic-time-zone", "Mars/Base"],
     "--clinic-time-zone: there is no such time zone"),
    (["import", "{records}", "--region", "gb"], "--region: there is no such region"),
    (["import", "{records}", "--by", ""], "--by: write the name"),
    (["imports", "preview", "latest"], "nothing was imported yet"),
    (["imports", "preview", "7"], "an import's id is as `nextcount imports list` shows it"),
    (["imports", "preview", "01a204fa-4597-76d0-a0d4-d964b6d54341"], "there is no import 01a204fa"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "reason"), REFUSED, ids=[reason for _, reason in REFUSED])
def test_what_is_asked_wrongly_is_one_line(
    run: Run, records: Records, arguments: list[str], reason: str
) -> None:
    code, out, err = run(*(argument.format(records=records.folder) for argument in arguments))
    assert (code, out) == (2, "")
    assert reason in err
    assert err.count("\n") == 1


def test_a_protocol_in_the_folder_is_found_and_another_file_is_mentioned(run: Run, records: Records) -> None:
    own = Path(__file__).parents[1] / "data/allmt_map/protocol.toml"
    (records.folder / "protocol.toml").write_bytes(own.read_bytes())
    (records.folder / "notes.toml").write_text("note = 1")
    records.write(courses=["1,mercaptopurine-methotrexate-test,2026-01-05"])
    code, out, err = run("import", records.folder, *CLINIC)
    assert (code, "Courses: 1 new" in out) == (0, True)
    assert err.startswith("warning: not read as a protocol: notes.toml")


def test_no_name_and_no_value_of_a_patient_is_printed(run: Run, records: Records) -> None:
    records.write(
        patients=["1,Zaphod Invented,1980-01-01", "2,Zaphod Invented,1980-01-01", "3,Trillian,1980-13-01"],
        results=["1,2026-01-12,wbc,31415,10*9/L,", "1,2026-01-13,wbc,27182x,10*9/L,"],
    )
    said = "".join(
        text
        for arguments in (
            ["import", records.folder, *CLINIC, "--good-rows"],
            ["imports", "list"],
            ["imports", "preview"],
        )
        for text in run(*arguments)[1:]
    )
    assert "possible duplicate patient" in said
    assert [word for word in ("Zaphod", "Trillian", "31415", "27182", "1980-") if word in said] == []


def test_no_name_of_a_patient_is_in_the_audit(run: Run, records: Records, tmp_path: Path) -> None:
    run("import", records.folder, *CLINIC)
    run("imports", "release", "latest", "--by", "Kim Lee", "--yes")
    with sqlite3.connect(tmp_path / "clinic.db") as connection:
        kept = connection.execute("SELECT actor, action, detail FROM audit_entry").fetchall()
    connection.close()
    assert [action for _, action, _ in kept] == ["import", "import release"]
    assert "Invented" not in repr(kept)
