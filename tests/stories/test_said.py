"""What a patient and a carer read, from the facts to the words."""

from datetime import UTC, date, datetime
from typing import Any

from schedules import protocol as protocols
from service.flows import reminders
from tests.stories.conftest import Practice

START = date(2026, 1, 5)
SOURCE = {"title": "Invented", "evidence": "product-choice"}
CLOSE = "Our phone: +1 202-555-0100. This is not for emergencies: call 911."


def a_protocol(**clock: Any) -> protocols.Protocol:
    medicine = {"name": "exampline"}
    document = {"id": "invented", "version": 1, "title": "Invented", "medicine": medicine, "source": SOURCE}
    return protocols.Protocol.model_validate(document | {"clocks": [{"id": "only", **clock}]})


def said(practice: Practice, at: datetime) -> list[str]:
    practice.clock.wind(at)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    return sorted(row.body for row in practice.messages if row.body and row.accepted_at == at)


def test_a_booked_visit_is_told_with_its_local_day_and_time(practice: Practice) -> None:
    patient = practice.patient()
    practice.contact(patient)
    course = practice.course(patient, a_protocol(kind="visit", phases=[{"every": "P3M"}]), START)
    practice.clock.wind(datetime(2026, 3, 2, 15, tzinfo=UTC))
    booked = {"course_id": course, "on": date(2026, 3, 2), "type": "booked", "at_local": "2026-04-07T14:30"}
    practice.learn(patient, events=[booked])
    texts = said(practice, datetime(2026, 3, 31, 13, tzinfo=UTC))
    assert texts == [f"Elm Street: Your appointment is on Tuesday 7 April 2026 at 2:30 pm. {CLOSE}"]


def test_who_agreed_reads_of_a_blood_test_and_the_carer_of_it_too(practice: Practice) -> None:
    patient = practice.patient(wording="blood-test")
    practice.contact(patient)
    practice.contact(patient, audience="carer")
    weekly = a_protocol(kind="test", panel=["cbc"], phases=[{"every": "P1W"}])
    practice.course(patient, weekly, START)
    carer, patients = sorted(said(practice, datetime(2026, 1, 20, 14, tzinfo=UTC)), key=len, reverse=True)
    day = "was due by Monday 12 January 2026 and we have not had word of it."
    assert patients == f"Elm Street: Your blood test {day} Do not change your tablets; call us. {CLOSE}"
    assert carer == f"Elm Street: The blood test of the person you care for {day} Please call us. {CLOSE}"
