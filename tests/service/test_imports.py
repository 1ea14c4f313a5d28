import csv
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import imports, protocols
from db.engine import reading, writing
from db.tables import (
    Audience,
    AuditEntry,
    Consent,
    Contact,
    Course,
    CourseEvent,
    EndReason,
    Import,
    Item,
    Patient,
    Reminder,
    Result,
    WorkItem,
)
from schedules import library
from schedules.facts import Class
from service import messages
from service.errors import Refused
from service.flows import imports as flow
from service.flows import releases
from service.flows.imports import Manner, Outcome, try_out
from service.flows.intake import NewClinics
from service.ingest import folder as folders
from tests.service.records import ELM, NOW, Records, places, snapshot, standing

LABEL = "azathioprine-us-label"
COUNT = {"wbc": "10*9/L", "anc": "10*9/L", "plt": "10*9/L", "hb": "g/dL"}
ADA, BEN = "1,Ada Invented,1980-01-01", "2,Ben Invented,1975-05-05"


@pytest.fixture
def records(tmp_path: Path) -> Records:
    folder = tmp_path / "records"
    folder.mkdir()
    return Records(folder)


@pytest.fixture
def ada(records: Records) -> Records:
    """One patient with a telephone, a course, a hold that ended, and a draw."""
    return records.write(
        patients=[ADA],
        contacts=["1,sms,+12025550101,yes,2026-01-02,paper form"],
        courses=[f"1,{LABEL},2026-01-05"],
        events=[f"1,{LABEL},2026-02-01,hold", f"1,{LABEL},2026-02-10,resume"],
        results=["1,2026-01-12,wbc,5.1,10*9/L,final", "1,2026-01-12,plt,210,10*9/L,final"],
    )


def rows(engine: Engine, model: Any) -> list[Any]:
    with reading(engine) as session:
        return list(session.exec(sa.select(model).order_by(model.id)).scalars())  # type: ignore[call-overload]


def taken(outcome: Outcome) -> UUID:
    assert outcome.errors == ()
    assert outcome.import_id is not None
    return outcome.import_id


def test_records_become_facts_and_a_plan(engine: Engine, ada: Records) -> None:
    outcome = ada.take(engine)
    import_id = taken(outcome)
    assert outcome.new == {"patients": 1, "contacts": 1, "courses": 1, "events": 2, "results": 2}
    [course], [consent] = rows(engine, Course), rows(engine, Consent)
    assert (course.protocol_hash, course.start) == (library.protocol(LABEL).hash, date(2026, 1, 5))
    assert (consent.given, consent.source, consent.purpose) == (True, "paper form", "reminders")
    assert sum(item.class_ is None for item in rows(engine, Item)) == 1
    facts = [*rows(engine, Patient), course, consent, *rows(engine, CourseEvent), *rows(engine, Result)]
    assert {fact.import_id for fact in facts} == {import_id}


def test_an_import_is_kept_with_who_and_how_much_and_no_name_of_a_patient(
    engine: Engine, ada: Records
) -> None:
    import_id = taken(ada.take(engine))
    [run], [entry] = rows(engine, Import), rows(engine, AuditEntry)
    assert (run.id, run.name, run.by) == (import_id, "records", "Kim Invented")
    assert run.counts == entry.detail
    assert run.counts == {
        "patient": 1, "contact": 1, "consent": 1, "course": 1, "course_event": 2, "result": 2,
    }  # fmt: skip
    assert (entry.actor, entry.action, entry.subject_id) == ("Kim Invented", "import", str(import_id))


def test_importing_twice_changes_nothing(engine: Engine, ada: Records) -> None:
    taken(ada.take(engine))
    before = snapshot(engine)
    again = ada.take(engine, now=NOW + timedelta(days=1))
    assert (again.import_id, again.errors) == (None, ())
    assert again.known == {"patients": 1, "contacts": 1, "courses": 1, "events": 2, "results": 2}
    assert snapshot(engine) == before


def test_of_imports_at_once_one_writes(engine: Engine, ada: Records) -> None:
    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(lambda _: ada.take(engine), range(8)))
    assert sum(outcome.import_id is not None for outcome in outcomes) == 1
    assert [len(rows(engine, model)) for model in (Import, Patient, Course, Result)] == [1, 1, 1, 2]


def test_an_import_that_fails_half_way_leaves_nothing(
    engine: Engine, ada: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(engine)
    monkeypatch.setattr(flow.results, "judge", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        ada.take(engine)
    assert snapshot(engine) == before


def test_a_dry_run_counts_what_an_import_would_do_and_writes_nothing(engine: Engine, ada: Records) -> None:
    before = snapshot(engine)
    tried = try_out(engine, folders.read(ada.folder), Manner(name="r", by="Kim", clinics=ELM), now=NOW)
    assert snapshot(engine) == before
    real = ada.take(engine)
    assert (tried.new, tried.refused, tried.import_id) == (real.new, real.refused, None)


def test_an_import_waits_for_its_release(engine: Engine, ada: Records) -> None:
    taken(ada.take(engine))
    assert rows(engine, Reminder)
    assert {reminder.message_id for reminder in rows(engine, Reminder)} == {None}


@pytest.mark.parametrize("missing", ["time_zone", "phone", "emergency_number"])
def test_a_new_clinic_needs_a_zone_a_telephone_and_an_emergency_number(
    engine: Engine, ada: Records, missing: str
) -> None:
    given = {"time_zone": "UTC", "phone": "1", "emergency_number": "999"} | {missing: None}
    with pytest.raises(Refused, match=r"Elm Street is not known yet: give --clinic-time-zone"):
        ada.take(engine, clinics=NewClinics(**given))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"phone": ""}, "give --clinic-time-zone, --clinic-phone"),
        ({"phone": "ask at the desk"}, "every message gives both, so write digits, at most 30 signs"),
        ({"emergency_number": "-"}, "every message gives both"),
        ({"phone": "1" * 31}, "every message gives both"),
    ],
)
def test_a_new_clinic_must_be_one_that_can_be_called(
    engine: Engine, ada: Records, changed: dict[str, str], why: str
) -> None:
    given = {"time_zone": "UTC", "phone": "1" * 30, "emergency_number": "999"}
    with pytest.raises(Refused, match=why):
        ada.take(engine, clinics=NewClinics(**given | changed))
    taken(ada.take(engine, clinics=NewClinics(**given)))


def test_a_new_clinics_name_must_fit_at_the_head_of_a_message(
    engine: Engine, ada: Records, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "LONGEST_NAME", len("Elm Street") - 1)
    with pytest.raises(Refused, match=r"a clinic's name is too long: .* shorten it to 9 letters"):
        ada.take(engine)
    monkeypatch.setattr(messages, "LONGEST_NAME", len("Elm Street"))
    taken(ada.take(engine))


def test_a_clinic_that_is_known_needs_nothing(engine: Engine, ada: Records) -> None:
    taken(ada.take(engine))
    later = ada.write(results=["1,2026-01-19,wbc,5.1,10*9/L,final"]).take(engine, clinics=NewClinics())
    assert later.new["results"] == 1


# ---- a wrong row

WRONG = [
    ("patients", [ADA.replace("Ada", "Eve")], "patients.csv:2: another name is stored for this patient"),
    ("results", ["1,2026-01-12,wbc,9.9,10*9/L,final"],
     "results.csv:2: another value of wbc is stored for this draw"),
    ("results", ["9,2026-01-12,wbc,5.1,10*9/L,final"], "results.csv:2: no patient has this number"),
    ("results", ["1,2026-03-03,wbc,5.1,10*9/L,final"], "results.csv:2: the day of the draw is still to come"),
    ("contacts", ["9,sms,+12025550101,,,"], "contacts.csv:2: no patient has this number"),
    ("courses", ["9,azathioprine-us-label,2026-01-05"], "courses.csv:2: no patient has this number"),
    ("courses", ["1,no-such-protocol,2026-01-05"], "courses.csv:2: there is no such protocol"),
    ("courses", [f"1,{LABEL},2026-02-05"],
     "courses.csv:2: the patient has another course under this protocol at the time"),
    ("courses", [f"1,{LABEL},2025-02-05"],
     "courses.csv:2: the patient has another course under this protocol at the time"),
    ("courses", ["|mrn,protocol,start,indication", f"1,{LABEL},2026-01-05,crohn"],
     "courses.csv:2: this course is stored with another enrolled, indication or flags"),
    ("courses", ["1,azathioprine-bsr-2017,1997-12-31"],
     "courses.csv:2: the protocol's limits are adult and the patient is under 18"),
    ("events", [f"9,{LABEL},2026-02-20,stop"], "events.csv:2: no patient has this number"),
    ("events", [f"1,{LABEL},2025-02-20,stop"],
     "events.csv:2: the patient has no such course begun by that day"),
    ("events", [f"1,{LABEL},2026-02-20,resume"], "events.csv:2: there is no hold to resume from"),
    ("events", [f"1,{LABEL},2026-02-05,stop"],
     "events.csv:2: with it the resume of 2026-02-10 cannot be, for the course was stopped on 2026-02-05"),
    ("events", ["|mrn,protocol,on,type,reason", f"1,{LABEL},2026-02-01,hold,infection"],
     "events.csv:2: another hold is stored for this course and day"),
    ("events", ["1,,2026-01-01,died"], "events.csv:2: it is before the start of the course, 2026-01-05"),
]  # fmt: skip


@pytest.mark.parametrize(("table", "wrong", "error"), WRONG, ids=[error for _, _, error in WRONG])
def test_a_row_that_cannot_be_is_named_and_nothing_is_written(
    engine: Engine, ada: Records, table: str, wrong: list[str], error: str
) -> None:
    taken(ada.take(engine))
    before = snapshot(engine)
    for path in ada.folder.iterdir():
        path.unlink()
    outcome = ada.write(**{table: wrong}).take(engine)
    assert outcome.import_id is None
    assert places(outcome) == [error]
    assert snapshot(engine) == before
    assert outcome.refused[table] == 1


def test_the_good_rows_go_on_when_they_are_asked_for(engine: Engine, ada: Records) -> None:
    ada.write(
        patients=[ADA, BEN],
        courses=[f"1,{LABEL},2026-01-05", f"2,{LABEL},2026-01-05"],
        events=[f"1,{LABEL},2026-02-10,resume", f"1,{LABEL},2026-02-20,hold", f"2,{LABEL},2026-02-20,hold"],
    )
    assert ada.take(engine).import_id is None
    outcome = ada.take(engine, good_rows=True)
    assert places(outcome) == ["events.csv:2: there is no hold to resume from"]
    assert (outcome.new["events"], outcome.refused["events"]) == (2, 1)
    assert len(rows(engine, CourseEvent)) == 2


def test_what_belongs_to_a_refused_course_is_refused_with_it(engine: Engine, ada: Records) -> None:
    ada.write(
        courses=[f"1,{LABEL},2026-01-05", f"1,{LABEL},2026-02-15"],
        events=[f"1,{LABEL},2026-02-20,hold"],
    )
    outcome = ada.take(engine, good_rows=True)
    assert [place.split(":")[0] for place in places(outcome)] == ["courses.csv", "events.csv"]
    assert len(rows(engine, Course)) == 1
    assert rows(engine, CourseEvent) == []


def test_events_are_tried_in_the_order_of_their_days(engine: Engine, ada: Records) -> None:
    ada.write(events=[f"1,{LABEL},2026-02-10,resume", f"1,{LABEL},2026-02-01,hold"])
    taken(ada.take(engine))


def test_a_hostile_name_is_kept_byte_for_byte_or_refused(engine: Engine, records: Records) -> None:
    names = json.loads((Path(__file__).parents[1] / "data/blns/blns.json").read_text())
    with (records.folder / "patients.csv").open("w", newline="") as stream:
        rows_ = csv.writer(stream)
        rows_.writerow(["clinic", "mrn", "name", "birth_date"])
        rows_.writerows(["Elm Street", n, name, "1980-01-01"] for n, name in enumerate(names))
    outcome = records.take(engine, good_rows=True)
    stored = {int(patient.mrn): patient.name for patient in rows(engine, Patient)}
    assert stored == {n: names[n] for n in stored}
    assert len(stored) + outcome.refused["patients"] == len(names)
    assert len(stored) > 400


# ---- what is told later


def test_a_corrected_result_stands_beside_the_one_it_corrects(engine: Engine, ada: Records) -> None:
    taken(ada.take(engine))
    ada.write(results=["1,2026-01-12,wbc,6.1,10*9/L,corrected"])
    taken(ada.take(engine, now=NOW + timedelta(days=1)))
    assert ada.take(engine, now=NOW + timedelta(days=2)).import_id is None
    values = {(row.value_as_sent, row.status.value) for row in rows(engine, Result) if row.analyte == "wbc"}
    assert values == {("5.1", "final"), ("6.1", "corrected")}


def test_a_consent_taken_back_is_a_new_answer(engine: Engine, ada: Records) -> None:
    taken(ada.take(engine))
    ada.write(contacts=["1,sms,+12025550101,no,2026-02-02,telephone"])
    taken(ada.take(engine))
    assert [consent.given for consent in rows(engine, Consent)] == [True, False]


def test_H56_an_import_says_whose_a_carers_address_is_and_until_when(engine: Engine, ada: Records) -> None:
    head, row = "|mrn,audience,channel,address,relation,ends_on", "1,carer,sms,+12025550102"
    taken(ada.write(contacts=[head, f"{row},guardian,2026-05-01"]).take(engine))
    [carer] = [one for one in rows(engine, Contact) if one.audience is Audience.CARER]
    assert (carer.relation, carer.ends_on) == ("guardian", date(2026, 5, 1))
    for columns, error in (
        (f"{row},,", None),
        (f"{row},parent,", "contacts.csv:2: another relation is stored for this contact"),
        (f"{row},,2026-06-01", "contacts.csv:2: another ends_on is stored for this contact"),
        ("1,patient,sms,+12025550101,,2026-06-01", "contacts.csv:2: only a carer has it"),
        (f"{row},neighbour,", "contacts.csv:2: this is none of the words it can be"),
    ):
        for path in ada.folder.iterdir():
            path.unlink()
        assert places(ada.write(contacts=[head, columns]).take(engine)) == ([] if error is None else [error])


def test_a_death_ends_every_course(engine: Engine, ada: Records) -> None:
    ada.write(
        courses=[f"1,{LABEL},2026-01-05", "1,mercaptopurine-sps,2026-01-05"],
        events=["1,,2026-02-20,died"],
    )
    outcome = ada.take(engine)
    assert outcome.new["events"] == 1
    assert len(rows(engine, CourseEvent)) == 2
    assert [item for item in rows(engine, Item) if item.class_ is None] == []


def test_a_patient_who_had_left_before_is_planned_no_further(engine: Engine, records: Records) -> None:
    records.write(
        patients=["|mrn,name,birth_date,ended_on,ended_reason", f"{ADA},2026-02-20,left"],
        courses=[f"1,{LABEL},2026-01-05"],
    )
    taken(records.take(engine))
    [patient], [course] = rows(engine, Patient), rows(engine, Course)
    assert (patient.ended_reason, course.ended_on) == (EndReason.LEFT, date(2026, 2, 20))
    assert records.take(engine).import_id is None


def test_starting_again_is_a_new_course(engine: Engine, ada: Records) -> None:
    ada.write(
        courses=[f"1,{LABEL},2025-01-05", f"1,{LABEL},2026-01-05"],
        events=[f"1,{LABEL},2025-06-01,stop"],
    )
    taken(ada.take(engine))
    assert ada.take(engine).import_id is None
    assert len(rows(engine, Course)) == 2


def test_a_clinics_own_protocol_is_pinned(engine: Engine, ada: Records) -> None:
    own = library.protocol(LABEL).model_copy(update={"id": "our-own"})
    ada.write(courses=["1,our-own,2026-01-05"], events=[])
    taken(ada.take(engine, protocols={"our-own": own}))
    [course] = rows(engine, Course)
    with reading(engine) as session:
        pinned = protocols.built(session, {(course.clinic_id, course.protocol_hash)})
    assert pinned[course.clinic_id, course.protocol_hash].id == "our-own"


# ---- what a person must look at


def test_a_result_beyond_a_limit_is_judged_on_arrival_whatever_its_age(engine: Engine, ada: Records) -> None:
    ada.write(
        courses=["1,azathioprine-bsr-2017,2026-01-05"],
        events=[],
        results=["1,2020-01-12,wbc,2.1,10*9/L,final", "1,2026-01-12,wbc,5.1,10*9/L,final"],
    )
    taken(ada.take(engine))
    [old] = [row for row in rows(engine, Result) if row.value_as_sent == "2.1"]
    [work] = [row for row in rows(engine, WorkItem) if row.kind == "limit"]
    assert (work.key, work.role, work.opened_at) == (f"finding/{old.id}", "prescriber", NOW)
    assert work.due_by > NOW


@pytest.mark.parametrize(("status", "count"), [("preliminary", 1), ("corrected", 1), ("entered-in-error", 0)])
def test_a_preliminary_value_is_judged_and_a_withdrawn_one_is_not(
    engine: Engine, ada: Records, status: str, count: int
) -> None:
    ada.write(
        courses=["1,azathioprine-bsr-2017,2026-01-05"],
        events=[],
        results=[f"1,2026-01-12,wbc,2.1,10*9/L,{status}"],
    )
    taken(ada.take(engine))
    assert sum(row.kind == "limit" for row in rows(engine, WorkItem)) == count


def test_two_records_that_may_be_one_patient_are_named_once(engine: Engine, ada: Records) -> None:
    ada.write(patients=[ADA, ADA.replace("1,", "2,", 1)])
    taken(ada.take(engine))
    ada.write(results=["1,2026-02-12,wbc,5.1,10*9/L,final"])
    taken(ada.take(engine))
    [work] = [row for row in rows(engine, WorkItem) if row.kind == "possible-duplicate"]
    assert (work.level, work.role, work.raised) == ("routine", "coordinator", 1)
    assert all(str(patient.id) in work.key for patient in rows(engine, Patient))


# ---- undo


def test_undoing_an_import_leaves_everything_as_it_was(engine: Engine, ada: Records) -> None:
    taken(ada.take(engine))
    before = standing(engine)
    ada.write(
        patients=[ADA, BEN],
        contacts=["1,sms,+12025550101,no,2026-02-02,telephone", "2,sms,+12025550102,yes,2026-01-02,form"],
        courses=["1,azathioprine-bsr-2017,2026-01-05", f"2,{LABEL},2026-01-05"],
        events=[f"1,{LABEL},2026-02-20,dose-increase", f"2,{LABEL},2026-02-01,hold"],
        results=[
            f"{who},2026-02-25,{name},9.1,{unit},final" for who in (1, 2) for name, unit in COUNT.items()
        ],
    )
    second = taken(ada.take(engine, now=NOW + timedelta(hours=1), good_rows=True))
    assert [item.class_ for item in rows(engine, Item) if item.class_] == [Class.ON_TIME, Class.LATE]
    with writing(engine) as session:
        releases.undo(session, second, by="Lou Invented", now=NOW + timedelta(hours=2))
    assert standing(engine) == before
    with reading(engine) as session:
        [run] = imports.of_run(session, second)
    assert (run.undone_by, run.undone_at) == ("Lou Invented", NOW + timedelta(hours=2))


def test_the_rung_that_waited_waits_again_when_a_result_is_taken_back(engine: Engine, ada: Records) -> None:
    taken(ada.take(engine))

    def waiting() -> list[tuple[str, str]]:
        return sorted((row.track, row.rung) for row in rows(engine, Reminder) if row.state == "waiting")

    before = waiting()
    ada.write(results=[f"1,2026-02-25,{name},9.1,{unit},final" for name, unit in COUNT.items()])
    second = taken(ada.take(engine))
    assert any(item.class_ for item in rows(engine, Item))
    with writing(engine) as session:
        releases.undo(session, second, by="Lou Invented", now=NOW)
    assert waiting() == before


def test_after_an_undoing_the_folder_comes_in_again(engine: Engine, ada: Records) -> None:
    first = ada.take(engine)
    with writing(engine) as session:
        releases.undo(session, taken(first), by="Lou Invented", now=NOW)
        with pytest.raises(Refused, match="was undone by Lou Invented"):
            releases.undo(session, taken(first), by="Lou Invented", now=NOW)
    second = ada.take(engine)
    assert second.new == first.new
    assert taken(second) != first.import_id


def test_an_import_that_others_build_on_is_undone_after_them(engine: Engine, ada: Records) -> None:
    first = taken(ada.take(engine))
    second = taken(ada.write(results=["1,2026-02-12,wbc,5.1,10*9/L,final"]).take(engine))
    with writing(engine) as session:
        with pytest.raises(Refused, match=f"undo {second} first"):
            releases.undo(session, first, by="Lou Invented", now=NOW)
        releases.undo(session, second, by="Lou Invented", now=NOW)
        releases.undo(session, first, by="Lou Invented", now=NOW)
    assert [item for item in rows(engine, Item) if item.class_ is None] == []


def test_release_and_undo_are_kept_with_a_name(engine: Engine, ada: Records) -> None:
    run = taken(ada.take(engine))
    with writing(engine) as session:
        releases.release(session, run, by="Kim Invented", now=NOW)
        with pytest.raises(Refused, match="was released by Kim Invented on 2026-03-02"):
            releases.release(session, run, by="Lou Invented", now=NOW)
        releases.undo(session, run, by="Lou Invented", now=NOW)
        with pytest.raises(Refused, match="was undone"):
            releases.release(session, run, by="Lou Invented", now=NOW)
    kept = [(entry.actor, entry.action) for entry in rows(engine, AuditEntry)]
    assert kept[1:] == [("Kim Invented", "import release"), ("Lou Invented", "import undo")]
