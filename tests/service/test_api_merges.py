"""Two records become one, which can be taken back; what is open is said before anything ends."""

from datetime import UTC, datetime
from typing import Any
from unittest.mock import ANY
from uuid import UUID

import pytest

from db import batches, merges, work_items
from db.engine import reading, writing
from db.tables import (
    AuditEntry,
    Consent,
    Contact,
    Course,
    Item,
    Merge,
    Message,
    Patient,
    Reminder,
    Reply,
    Result,
)  # fmt: skip
from tests.service.desk import Desk
from tests.service.operations import World, count
from tests.stories.conftest import Practice

OTHER = {"mrn": "900", "birth_date": "1980-01-01", "name": "Ada Invented-Twice"}
OWNED = (Contact, Consent, Course, Item, Result, Reply, Reminder)
SURE = {"confirmed": True, "reason": "the same insurance number"}


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def other(desk: Desk, **changes: Any) -> str:
    """A second record of the patient, on another medicine, with an address and a result of its own."""
    consent = {"given": True, "at": "2026-01-03T14:30:00-05:00", "source": "paper form"}
    contact = {"channel": "sms", "address": "+12025550177", "consent": consent}
    made = str(desk.post("/patients", OTHER | {"contacts": [contact]} | changes)["id"])
    desk.post(f"/patients/{made}/courses", {"protocol": "mercaptopurine-sps", "start": "2025-12-20"})
    drawn = {"collected_on": "2026-01-02", "values": [{"analyte": "wbc", "value": "4.4", "unit": "10*9/L"}]}
    desk.post(f"/patients/{made}/results", drawn)
    return made


def merge(desk: Desk, former: str, *, status: int = 200, query: Any = None, **changes: Any) -> Any:
    version = desk.get(f"/patients/{desk.patient}")["version"]
    body = {"former_id": former} | SURE | changes
    answer = desk.ask("POST", f"/patients/{desk.patient}/merge", body, version=version, query=query)
    assert answer.status_code == status, answer.text
    return answer.json()


def owners(desk: Desk) -> dict[str, list[tuple[Any, ...]]]:
    """Whose every row is, what waits and when."""
    found: dict[str, list[tuple[Any, ...]]] = {
        model.__tablename__: [(row.id, row.patient_id) for row in desk.practice.rows(model)]
        for model in OWNED
    }
    waiting = [row for row in desk.practice.reminders if row.state == "waiting"]
    messages = {row.id: row for row in desk.practice.rows(Message)}
    found["waits"] = sorted((row.id, row.send_at, messages[row.message_id].patient_id) for row in waiting)
    said = [row for row in messages.values() if row.accepted_at]
    found["said"] = sorted((row.id, row.patient_id, row.quarter) for row in said)
    found["patient"] = [(row.id, row.voided_at) for row in desk.practice.rows(Patient)]
    return found


def take_back(desk: Desk, former: str) -> Any:
    body = {"entry": "merge", "id": former, "reason": "two sisters"}
    return desk.post(f"/patients/{desk.patient}/entered-in-error", body)


def test_H42_H44_one_record_takes_over_everything_of_the_other(desk: Desk) -> None:
    former = other(desk)
    desk.practice.run_until(datetime(2026, 1, 8, tzinfo=UTC))
    both = owners(desk)
    tried = merge(desk, former, query={"dry_run": True})
    assert owners(desk) == both
    found = merge(desk, former)
    assert found == tried
    assert (found["moved"]["course"], found["moved"]["result"], found["moved"]["contact"]) == (1, 1, 1)
    whole = desk.get(f"/patients/{desk.patient}/whole")
    assert {course["medicine"] for course in whole["courses"]} == {"azathioprine", "mercaptopurine"}
    assert not any(UUID(former) in row for rows in list(owners(desk).values())[:-1] for row in rows)
    assert desk.ask("GET", f"/patients/{former}").status_code == 404
    entries = [row for row in desk.practice.rows(AuditEntry) if row.action == "merge patient"]
    assert {row.subject_id for row in entries} == {str(desk.patient), former}
    desk.practice.run_until(datetime(2026, 1, 20, tzinfo=UTC))
    said = [row for row in desk.practice.messages if row.accepted_at and row.audience == "patient"]
    assert {row.patient_id for row in said} == {desk.patient}


def test_what_comes_under_the_former_number_is_the_patients(desk: Desk) -> None:
    merge(desk, other(desk))
    [found] = desk.post("/patients/search", {"mrn": "900"})["items"]
    assert found["id"] == str(desk.patient)
    assert desk.refused("/patients", OTHER) == "The clinic has a patient with this number."
    with reading(desk.practice.engine) as session:
        known = merges.by_number(session, desk.practice.clinic_id, [("clinic", "900"), ("clinic", "901")])
    assert known == {("clinic", "900"): desk.patient}
    third = other(desk, mrn="901", contacts=[])
    version = desk.get(f"/patients/{third}")["version"]
    answer = desk.ask("PATCH", f"/patients/{third}", {"mrn": "900"}, version=version)
    assert (answer.status_code, "has a patient with this number" in answer.text) == (409, True)


def test_H42_a_merge_is_taken_back_and_all_is_as_it_was(desk: Desk) -> None:
    """Also where both had said something in one quarter of an hour, of which one patient has one."""
    former, practice = other(desk), desk.practice
    slot = datetime(2026, 1, 4, 14, tzinfo=UTC)
    said = {"clinic_id": practice.clinic_id, "audience": "patient", "channel": "outbox", "send_at": slot}
    said |= {"state": "failed", "quarter": slot, "created_at": slot}
    with writing(practice.engine) as session:
        whose = [said | {"patient_id": id_} for id_ in (desk.patient, UUID(former))]
        batches.insert(session, Message, whose)
    practice.run_until(datetime(2026, 1, 8, tzinfo=UTC))
    before = owners(desk)
    merge(desk, former)
    assert len([row for row in practice.rows(Message) if row.send_at == slot]) == 2
    take_back(desk, former)
    assert owners(desk) == before
    again = {"entry": "merge", "id": former, "reason": "again"}
    why = desk.refused(f"/patients/{desk.patient}/entered-in-error", again)
    assert why == "No record of that id was merged into this patient."
    practice.run_until(datetime(2026, 1, 12, 15, tzinfo=UTC))
    assert {row.patient_id for row in practice.messages if row.accepted_at} == {desk.patient, UUID(former)}


def test_what_has_come_since_to_a_moved_course_goes_back_with_it(desk: Desk) -> None:
    former = other(desk)
    merge(desk, former)
    [course] = [row.id for row in desk.practice.rows(Course) if row.medicine == "mercaptopurine"]
    desk.event("dose-decrease", "2026-01-04", course=course, dose="25 mg daily")
    desk.practice.run_until(datetime(2026, 1, 16, tzinfo=UTC))
    take_back(desk, former)
    assert {row.patient_id for row in desk.practice.items if row.course_id == course} == {UUID(former)}
    about = [row for row in desk.practice.work if row.course_id == course]
    assert {row.patient_id for row in about} <= {UUID(former)}


def test_who_said_stop_in_one_record_gets_nothing_by_the_other(desk: Desk) -> None:
    same = {"channel": "sms", "address": "+12025550101"}
    yes = {"given": True, "at": "2026-01-03T14:30:00-05:00", "source": "paper form"}
    former = other(desk, contacts=[same | {"consent": yes}])
    desk.practice.withdraw_consent(desk.patient, desk.world.ids["contact_id"])
    merge(desk, former)
    contacts = desk.get(f"/patients/{desk.patient}")["contacts"]
    assert [one["consent"] for one in contacts] == [False, False]
    take_back(desk, former)
    assert [one["consent"] for one in desk.get(f"/patients/{former}")["contacts"]] == [False]


def test_H44_what_cannot_be_one_patient_is_refused_and_nothing_is_written(desk: Desk) -> None:
    sister = other(desk, mrn="901", birth_date="1980-01-02")
    assert merge(desk, sister, status=409)["detail"].startswith("The dates of birth differ")
    assert merge(desk, str(desk.patient), status=422)["errors"][0]["loc"] == "body.former_id"
    former = other(desk)
    desk.post(f"/patients/{former}/courses", {"protocol": "azathioprine-us-label", "start": "2025-12-20"})
    said = merge(desk, former, status=409)["detail"]
    assert said.startswith("Both have an active course under azathioprine-us-label: stop one")
    assert end(desk, sister).status_code == 200  # nothing is open
    assert end(desk, former, confirmed=True).status_code == 200
    assert merge(desk, former, status=409)["detail"].startswith("One of the two has ended")
    assert count(desk.practice.engine, Merge) == 0


# ---- what is open is said first


def end(desk: Desk, patient: str, **said: Any) -> Any:
    version = desk.get(f"/patients/{patient}")["version"]
    body = {"on": "2026-01-04", "reason": "left"} | said
    return desk.ask("POST", f"/patients/{patient}/end", body, version=version)


def alarmed(desk: Desk, patient: str) -> None:
    now = desk.practice.clock()
    row = {"clinic_id": desk.practice.clinic_id, "patient_id": UUID(patient), "kind": "problem-told"}
    row |= {"role": "clinician", "key": "alarm", "level": "same-day", "due_by": now}
    with writing(desk.practice.engine) as session:
        work_items.raise_(session, [row], now=now)


def test_H42_while_something_is_open_an_end_a_merge_and_a_mistake_are_confirmed(desk: Desk) -> None:
    former = other(desk)
    alarmed(desk, former)
    answer = end(desk, former)
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith("Still open: 1 alert. Look at it, then send `confirmed`")
    assert merge(desk, former, status=409, confirmed=False) == answer.json() | {"request_id": ANY}
    assert merge(desk, former, query={"dry_run": True}, confirmed=False)["moved"]["course"] == 1
    assert end(desk, former, confirmed=True).status_code == 200
    path = f"/patients/{desk.patient}/entered-in-error"
    mistake = {"entry": "course", "id": str(desk.course), "reason": "another patient's"}
    assert "Still open: 3 other work items and 1 overdue item." in desk.refused(path, mistake)
    desk.post(path, mistake | {"confirmed": True})


# ---- a wrong consent


def test_a_wrong_consent_is_taken_back_and_the_answer_before_it_counts(desk: Desk) -> None:
    contact = desk.world.ids["contact_id"]
    no = {"given": False, "at": "2026-01-04T19:02:00-05:00", "source": "telephone"}
    [said] = desk.post(f"/contacts/{contact}/consent", no)["contacts"]
    assert said["consent"] is False
    mistake = {"entry": "consent", "id": said["consent_id"], "reason": "another patient rang"}
    desk.post(f"/patients/{desk.patient}/entered-in-error", mistake)
    [said] = desk.get(f"/patients/{desk.patient}")["contacts"]
    assert said["consent"] is True
    assert [row.given for row in desk.practice.rows(Consent, "at")] == [True, False]  # nothing is taken out
    entries = [row for row in desk.practice.rows(AuditEntry) if row.action == "entered in error"]
    assert entries[0].detail["reason"] == "another patient rang"
    desk.post(f"/patients/{desk.patient}/entered-in-error", mistake | {"id": said["consent_id"]})
    assert desk.get(f"/patients/{desk.patient}")["contacts"][0]["consent"] is None


def findings_of(desk: Desk) -> list[tuple[str, str | None]]:
    rows = [row for row in desk.practice.work if row.key.startswith("finding/")]
    return [(row.state.value, row.outcome) for row in rows]


def test_H42_a_value_that_nobody_judged_in_one_record_is_judged_by_the_courses_of_the_other(
    desk: Desk,
) -> None:
    desk.post(f"/patients/{desk.patient}/courses", {"protocol": "mercaptopurine-sps", "start": "2025-12-20"})
    former = str(desk.post("/patients", OTHER | {"contacts": []})["id"])
    drawn = {"collected_on": "2026-01-02", "values": [{"analyte": "wbc", "value": "1.4", "unit": "10*9/L"}]}
    desk.post(f"/patients/{former}/results", drawn)
    assert findings_of(desk) == [], "without a course no limit judges it"
    merge(desk, former)
    assert findings_of(desk) == [("open", None)]
    [work] = [row for row in desk.practice.work if row.key.startswith("finding/")]
    assert work.about.endswith("Two records of the patient became one.")
    take_back(desk, former)
    assert findings_of(desk) == [("done", "the two records were taken apart again")]


def test_what_was_judged_before_is_not_judged_again(desk: Desk) -> None:
    desk.post(f"/patients/{desk.patient}/courses", {"protocol": "mercaptopurine-sps", "start": "2025-12-20"})
    drawn = {"collected_on": "2026-01-02", "values": [{"analyte": "wbc", "value": "1.4", "unit": "10*9/L"}]}
    desk.post(f"/patients/{desk.patient}/results", drawn)
    assert findings_of(desk) == [("open", None)]
    merge(desk, str(desk.post("/patients", OTHER | {"contacts": []})["id"]))
    assert findings_of(desk) == [("open", None)]
