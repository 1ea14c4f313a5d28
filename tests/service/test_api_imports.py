"""Records that come as one request: the same reading as of a folder, of one clinic, and nothing by halves."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from db.tables import Course, Import, Patient, Result, UserRole
from tests.service.operations import OTHER, OWN, World, count
from tests.stories.conftest import Practice

ADA = "Elm Street,204417,Ada Invented,1968-04-30"
PATIENTS = "clinic,mrn,name,birth_date\n"
COURSES = "clinic,mrn,protocol,start\n"
MONDAY = "Elm Street,204417,azathioprine-us-label,2025-12-01"


class Desk:
    """A coordinator who sends files."""

    def __init__(self, practice: Practice) -> None:
        self.practice, self.world = practice, World(practice)

    def ask(self, method: str, path: str = "", *, place: str = OWN, **more: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.world.keys[place, UserRole.COORDINATOR]}"}
        headers["Idempotency-Key"] = more.pop("key", str(uuid4()))
        return self.world.client.request(method, f"/v1/imports{path}", headers=headers, **more)

    def send(self, *, key: str | None = None, place: str = OWN, query: Any = None, **body: Any) -> Any:
        files = {"patients.csv": f"{PATIENTS}{ADA}\n", "courses.csv": f"{COURSES}{MONDAY}\n"}
        said = {"name": "january", "files": files} | body
        return self.ask("POST", place=place, key=key or str(uuid4()), json=said, params=query)

    def stored(self) -> int:
        return count(self.practice.engine, Patient, Course, Result, Import)


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(practice)


def test_what_is_sent_is_planned_waits_for_its_release_and_can_be_taken_back(desk: Desk) -> None:
    answer = desk.send()
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made["tables"]["patients"]["new"] == made["tables"]["courses"]["new"] == 1
    shown = desk.ask("GET", f"/{made['id']}").json()
    assert shown["counts"] == {"patient": 1, "course": 1}
    assert shown["preview"]["patients"] == shown["preview"]["unreachable"] == 1
    released = desk.ask("POST", f"/{made['id']}/release").json()
    assert released["released_by"] == "own coordinator"
    assert released["preview"] is None
    again = desk.ask("POST", f"/{made['id']}/release")
    assert (again.status_code, "was released by" in again.json()["detail"]) == (409, True)
    undone = desk.ask("POST", f"/{made['id']}/undo").json()
    assert undone["undone_by"] == "own coordinator"
    assert desk.ask("POST", f"/{made['id']}/undo").status_code == 409


def test_a_dry_run_says_what_would_become_of_each_row_and_keeps_nothing(desk: Desk) -> None:
    before = desk.stored()
    files = {"patients.csv": f"{PATIENTS}{ADA}\nElm Street,2,Ben Invented,once\n"}
    answer = desk.send(files=files, query={"dry_run": "true"})
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["id"], said["tables"]["patients"]["refused"]) == (None, 1)
    [error] = said["errors"]
    assert (error["file"], error["line"], error["column"]) == ("patients.csv", 3, "birth_date")
    assert "once" not in answer.text
    assert desk.stored() == before


def test_a_refused_row_refuses_all_unless_the_good_rows_are_asked_for(desk: Desk) -> None:
    before = desk.stored()
    files = {"patients.csv": f"{PATIENTS}{ADA}\nElm Street,2,Ben Invented,once\n"}
    refused = desk.send(files=files)
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("1 row was refused, so nothing was written")
    assert [e["loc"] for e in refused.json()["errors"]] == [
        "body.files.patients.csv line 3, column birth_date"
    ]
    assert desk.stored() == before
    assert desk.send(files=files, good_rows=True).json()["tables"]["patients"]["new"] == 1


def test_the_same_files_twice_change_nothing_and_the_same_request_happens_once(desk: Desk) -> None:
    first = desk.send(key="one")
    replayed = desk.send(key="one")
    assert (replayed.status_code, replayed.json()) == (201, first.json())
    after = desk.stored()
    known = desk.send()
    assert (known.json()["id"], known.json()["tables"]["patients"]["known"]) == (None, 1)
    assert desk.stored() == after


def test_another_clinics_records_and_imports_are_out_of_reach(desk: Desk) -> None:
    before = desk.stored()
    refused = desk.send(place=OTHER)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {
            "loc": "body.files.patients.csv line 2",
            "msg": "names another clinic: this upload is of Oak Street alone",
        }
    ]
    assert desk.stored() == before
    made = desk.send().json()["id"]
    for method, path in (("GET", ""), ("POST", "/release"), ("POST", "/undo")):
        theirs = desk.ask(method, f"/{made}{path}", place=OTHER)
        missing = desk.ask(method, f"/{uuid4()}{path}", place=OTHER)
        assert theirs.status_code == missing.status_code == 404
        assert theirs.json()["detail"] == missing.json()["detail"]


def test_more_than_fifty_are_released_by_somebody_else(desk: Desk) -> None:
    rows = "".join(f"Elm Street,N{n},Invented {n},1968-04-30\n" for n in range(51))
    made = desk.send(files={"patients.csv": PATIENTS + rows}).json()["id"]
    refused = desk.ask("POST", f"/{made}/release")
    assert (refused.status_code, "somebody else" in refused.json()["detail"]) == (409, True)


def test_files_of_another_shape_come_through_a_map(desk: Desk) -> None:
    mapping = """
[[patients]]
files = "people.csv"
date_format = "DD/MM/YYYY"
[patients.fields]
clinic = {constant = "Elm Street"}
mrn = "number"
name = "called"
birth_date = "born"
"""
    files = {"people.csv": "number,called,born\n1,Ada Invented,30/04/1968\n"}
    answer = desk.send(files=files, map=mapping, query={"dry_run": "true"})
    assert answer.json()["tables"]["patients"]["new"] == 1, answer.text
    broken = desk.send(files=files, map="[[patients")
    assert (broken.status_code, broken.json()["errors"][0]["loc"]) == (422, "body.map")


@pytest.mark.parametrize(
    "files",
    [
        {"../patients.csv": "x"},
        {"patients.exe": "x"},
        {"/tmp/patients.csv": "x"},
        {},
        {"patients.csv": "\x00"},
        {"patients.csv": '"never closed'},
        {"strange.csv": "a,b\n"},
    ],
)
def test_what_is_no_records_is_refused_and_nothing_is_kept(desk: Desk, files: dict[str, str]) -> None:
    before = desk.stored()
    answer = desk.send(files=files)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert desk.stored() == before


def test_a_column_that_nobody_knows_is_not_repeated(desk: Desk) -> None:
    for text in (ADA, f"{PATIENTS.strip()},Ada Secretname\n{ADA},x\n", "Ada Secretname,Ada Secretname\n"):
        for query in ({"dry_run": "true"}, None):
            answer = desk.send(files={"patients.csv": text}, query=query)
            assert "Ada" not in answer.text, answer.text


@pytest.mark.parametrize(
    "field", ['{column = "x", capture = "^(?:a+)+(b)$"}', '{file = "^(?:a+)+(b)[.]csv$"}']
)
def test_an_expression_that_could_take_hours_is_not_run(desk: Desk, field: str) -> None:
    mapping = f"""
[[patients]]
files = "people.csv"
[patients.fields]
clinic = {{constant = "Elm Street"}}
mrn = "number"
name = {field}
birth_date = "born"
"""
    answer = desk.send(files={"people.csv": f"number,x,born\n1,{'a' * 60},1968-04-30\n"}, map=mapping)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, "body.map")
    assert "expression" in answer.json()["errors"][0]["msg"]


def test_a_map_names_few_sources_for_each_reads_its_files_again(desk: Desk) -> None:
    source = """
[[patients]]
files = "people.csv"
[patients.fields]
clinic = {constant = "Elm Street"}
mrn = "number"
name = "called"
birth_date = "born"
"""
    answer = desk.send(files={"people.csv": "number,called,born\n"}, map=source * 21)
    assert (answer.status_code, answer.json()["errors"][0]["loc"]) == (422, "body.map")


def test_files_that_cannot_be_kept_are_sent_again_later(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert desk.send().status_code == 503
