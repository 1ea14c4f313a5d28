"""What looks back at earlier values is judged again when one comes late, is corrected or taken back."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from db.engine import writing
from db.tables import Patient, Result, ResultStatus
from schedules import ladder, library
from schedules import protocol as protocols
from service.api.results import DrawIn
from service.flows import draws, imports, mistakes, releases
from service.flows.imports import Manner
from service.flows.mistakes import Entry
from service.ingest import build
from service.ingest.build import Options
from service.ingest.rows import Batch, Line, Moment
from tests.stories.conftest import Practice

OWN = library.protocol("azathioprine-bsr-2017")
RISE = {"analyte": "creatinine", "rise_percent": 30, "level": "24h"}
TWICE = {"analyte": "wbc", "below": 3.5, "unit": "10*9/L", "times": 2, "level": "same-day"}
FALLS = {"analyte": "wbc", "fall_percent": 10, "times": 3, "level": "24h"}
UNITS = {"wbc": "10*9/L", "creatinine": "umol/L"}


def someone(practice: Practice, *limits: dict[str, Any]) -> UUID:
    own = protocols.build(protocols.as_json(OWN) | {"id": "ours", "limits": list(limits)})
    patient = practice.patient()
    practice.course(patient, own, date(2026, 1, 5))
    practice.clock.wind(max(practice.clock(), datetime(2026, 3, 1, tzinfo=UTC)))
    return patient


def send(
    practice: Practice, patient: UUID, analyte: str, value: str, day: str, status: str = "final"
) -> tuple[UUID, int]:
    """Its id, and how many are beyond a limit by it."""
    practice.clock.wind(practice.clock() + timedelta(hours=1))
    one = {"analyte": analyte, "value": value, "unit": UNITS[analyte], "status": status}
    said = DrawIn.model_validate({"collected_on": day, "values": [one]}).typed()
    with writing(practice.engine) as session:
        found = draws.record(
            session, (practice.clinic_id, patient), said, by="a laboratory", now=practice.clock()
        )
    return found.results[0]["id"], found.beyond_a_limit


def take_back(practice: Practice, patient: UUID, result: UUID) -> None:
    practice.clock.wind(practice.clock() + timedelta(hours=1))
    with writing(practice.engine) as session:
        mistakes.take_back(
            session, (practice.clinic_id, patient), Entry.RESULT, result, confirmed=True,
            reason="a neighbour's", by="Kim", now=practice.clock(),
        )  # fmt: skip


def bring(practice: Practice, patient: UUID, analyte: str, value: str, day: date, **more: Any) -> UUID:
    """An import of one result."""
    practice.clock.wind(practice.clock() + timedelta(hours=1))
    [who] = [row for row in practice.rows(Patient) if row.id == patient]
    said = {"clinic": "Elm Street", "authority": who.authority, "mrn": who.mrn, "analyte": analyte}
    said |= {"value": value, "unit": UNITS[analyte], "status": ResultStatus.FINAL} | more
    when = {"collected_on": Moment(day=day), "collected_at": None, "resulted_at": None}
    row = build.result(Line("results.csv", 2), said | when, Options())
    manner = Manner(name="results", by="a laboratory")
    outcome = imports.take(practice.engine, Batch(results=(row,)), manner, now=practice.clock())
    assert outcome.import_id is not None, outcome.errors
    return outcome.import_id


def findings(practice: Practice, patient: UUID | None = None) -> list[Any]:
    found = [row for row in practice.work if row.kind == "limit"]
    return found if patient is None else [row for row in found if row.patient_id == patient]


LATE: list[tuple[dict[str, Any], list[tuple[str, str]], tuple[str, str], str]] = [
    (RISE, [("2026-01-20", "100")], ("2026-01-04", "70"), "from the value before the medicine"),
    (RISE | {"over": "P12M"}, [("2026-01-20", "100")], ("2026-01-12", "70"), "from the lowest in P12M"),
    (TWICE, [("2026-01-20", "3.1")], ("2026-01-12", "3.2"), "in 2 successive tests"),
    (
        FALLS,
        [("2026-01-12", "6"), ("2026-01-26", "5"), ("2026-02-02", "4")],
        ("2026-01-06", "7"),
        "down on 3 successive tests",
    ),
]


def test_H34_an_older_value_that_comes_late_has_a_later_one_judged_again(practice: Practice) -> None:
    for limit, came, (day, value), says in LATE:
        patient, analyte = someone(practice, limit), str(limit["analyte"])
        for later_day, later in came:
            send(practice, patient, analyte, later, later_day)
        assert findings(practice, patient) == []
        _, beyond = send(practice, patient, analyte, value, day)
        [found] = findings(practice, patient)
        assert (beyond, found.level, found.role.value) == (1, limit["level"], "prescriber")
        assert found.due_by == practice.clock() + ladder.DUE_BY[limit["level"]]
        assert says in found.about
        assert came[-1][0] in found.about
        assert found.about.endswith(f"Judged again, for the result of {day} came or was corrected later.")


def test_what_was_found_before_is_no_new_work(practice: Practice) -> None:
    patient = someone(practice, TWICE, RISE)
    send(practice, patient, "wbc", "3.2", "2026-01-12")
    send(practice, patient, "wbc", "3.1", "2026-01-20")
    [before] = findings(practice)
    assert send(practice, patient, "wbc", "3.0", "2026-01-08")[1] == 1  # the one of 12 January, newly
    assert len(findings(practice)) == 2
    assert findings(practice)[0] == before


def test_a_later_value_that_no_longer_counts_is_not_judged_again(practice: Practice) -> None:
    patient = someone(practice, TWICE)
    send(practice, patient, "wbc", "3.1", "2026-01-20")
    send(practice, patient, "wbc", "6", "2026-01-20", "corrected")
    send(practice, patient, "wbc", "3.2", "2026-01-12")
    assert findings(practice) == []


def test_a_correction_of_an_older_value_has_a_later_one_judged_again(practice: Practice) -> None:
    patient = someone(practice, TWICE)
    send(practice, patient, "wbc", "5.2", "2026-01-12")
    send(practice, patient, "wbc", "3.1", "2026-01-20")
    assert findings(practice) == []
    send(practice, patient, "wbc", "3.2", "2026-01-12", "corrected")
    [found] = findings(practice)
    assert "3.1 10*9/L on 2026-01-20" in found.about


def test_what_no_longer_holds_is_said_on_its_work_and_stays_a_persons(practice: Practice) -> None:
    patient = someone(practice, TWICE)
    send(practice, patient, "wbc", "3.2", "2026-01-12")
    send(practice, patient, "wbc", "3.1", "2026-01-20")
    send(practice, patient, "wbc", "5.2", "2026-01-12", "corrected")
    [found] = findings(practice)
    assert found.state.value == "open"
    assert found.note == (
        "An earlier result came or was corrected later, and this no longer holds: "
        "White cells 3.1 10*9/L on 2026-01-20: below 3.5 10*9/L in 2 successive tests."
    )


def test_H33_a_neighbours_result_taken_back_has_later_values_judged_again(practice: Practice) -> None:
    patient = someone(practice, TWICE)
    send(practice, patient, "wbc", "3.2", "2026-01-12")
    between, _ = send(practice, patient, "wbc", "6", "2026-01-16")
    send(practice, patient, "wbc", "3.1", "2026-01-20")
    assert findings(practice) == []
    take_back(practice, patient, between)
    [found] = findings(practice)
    assert found.about.endswith("Judged again, for the result of 2026-01-16 was taken back.")


def test_H33_taken_back_itself_the_work_of_judging_it_again_says_so_too(practice: Practice) -> None:
    patient = someone(practice, TWICE)
    low, _ = send(practice, patient, "wbc", "3.1", "2026-01-20")
    late, _ = send(practice, patient, "wbc", "3.2", "2026-01-12")
    take_back(practice, patient, late)
    take_back(practice, patient, low)
    [found] = findings(practice)
    assert found.state.value == "open"
    assert "was taken back, and this no longer holds" in found.note
    assert found.note.endswith(mistakes.MARKED)
    assert len(practice.rows(Result)) == 2


def test_an_import_has_later_values_judged_again_and_so_has_its_undoing(practice: Practice) -> None:
    patient = someone(practice, TWICE)
    send(practice, patient, "wbc", "3.1", "2026-01-20")
    run = bring(practice, patient, "wbc", "3.2", date(2026, 1, 12))
    [found] = findings(practice)
    assert (found.state.value, found.note) == ("open", None)
    practice.clock.wind(practice.clock() + timedelta(hours=1))
    with writing(practice.engine) as session:
        releases.undo(session, run, by="Kim", now=practice.clock())
    [found] = findings(practice)
    assert found.state.value == "open"
    assert found.note.startswith(
        "An earlier result was taken back, and this no longer holds: White cells 3.1"
    )
