"""What no limit may judge: values that are no figures, and people for whom its figures are not written."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from db import batches
from db.engine import writing
from db.tables import Course, Message
from schedules import library
from service.api.results import DrawIn
from service.flows import draws, mistakes
from service.flows.mistakes import Entry
from tests.stories.conftest import Practice
from tests.stories.test_results import PROTOCOL, START, USUAL, arrive, someone


def send(practice: Practice, patient: UUID, value: str, unit: str, status: str = "final", **more: Any) -> Any:
    """One white cell count, as the API takes it."""
    one = {"analyte": "wbc", "value": value, "unit": unit, "status": status}
    said = DrawIn.model_validate({"collected_on": "2026-01-04", "values": [one]} | more)
    key = practice.clinic_id, patient
    with writing(practice.engine) as session:
        found = draws.record(session, key, said.typed(), by="a laboratory", now=practice.clock())
    return found.results[0]["id"]


def work(practice: Practice, kind: str) -> list[str]:
    return [row.state.value for row in practice.work if row.kind == kind]


@pytest.fixture
def patient(practice: Practice) -> UUID:
    return someone(practice)


@pytest.mark.parametrize(
    ("value", "unit"), [("3.1", "mg/dL"), ("3.1", ""), ("<0.2", "10*9/L"), ("300", "10*9/L")]
)
def test_H38_what_is_no_figure_is_a_persons_and_decides_nothing(
    practice: Practice, patient: UUID, value: str, unit: str
) -> None:
    send(practice, patient, value, unit)
    assert work(practice, "quarantined-result") == ["open"]
    assert work(practice, "limit") == []
    assert [item.class_ for item in practice.items] == [None]


def test_H38_haemoglobin_in_grams_a_decilitre_under_another_unit_is_a_persons(
    practice: Practice, patient: UUID
) -> None:
    hb = {"analyte": "hb", "value": "12.5", "unit": "g/mL"}
    send(practice, patient, "6", "10*9/L", values=[hb])
    assert work(practice, "quarantined-result") == ["open"]


def test_sent_again_with_its_unit_it_is_judged_and_the_quarantine_ends(
    practice: Practice, patient: UUID
) -> None:
    send(practice, patient, "3.1", "")
    send(practice, patient, "3.1", "10*9/L", "corrected")
    assert work(practice, "quarantined-result") == ["done"]
    assert work(practice, "limit") == ["open"]


def test_set_aside_as_entered_in_error_the_quarantine_ends(practice: Practice, patient: UUID) -> None:
    sent, key = send(practice, patient, "3.1", ""), (practice.clinic_id, patient)
    why = {"reason": "another patient's", "by": "Kim", "now": practice.clock(), "confirmed": True}
    with writing(practice.engine) as session:
        mistakes.take_back(session, key, Entry.RESULT, sent, **why)
    assert work(practice, "quarantined-result") == ["done"]


def test_a_restatement_that_is_taken_back_leaves_it_to_a_person_again(
    practice: Practice, patient: UUID
) -> None:
    send(practice, patient, "3.1", "")
    again, key = send(practice, patient, "6.1", "10*9/L", "corrected"), (practice.clinic_id, patient)
    assert work(practice, "quarantined-result") == ["done"]
    why = {"reason": "another patient's", "by": "Kim", "now": practice.clock(), "confirmed": True}
    with writing(practice.engine) as session:
        mistakes.take_back(session, key, Entry.RESULT, again, **why)
    assert work(practice, "quarantined-result") == ["open"]


def test_what_a_later_value_has_overtaken_or_nobody_asked_for_is_not_work(
    practice: Practice, patient: UUID
) -> None:
    send(practice, patient, "6", "10*9/L")
    send(practice, patient, "<3", "10*9/L", collected_on="2026-01-03")
    send(practice, patient, "5", "10*9/L", values=[{"analyte": "crp", "value": "<3", "unit": "mg/L"}])
    assert work(practice, "quarantined-result") == []


def test_limits_are_adult_and_not_for_a_transplant_so_a_person_looks(
    practice: Practice, patient: UUID
) -> None:
    [course] = practice.rows(Course)
    with writing(practice.engine) as session:
        batches.change(
            session,
            Course,
            [{"clinic_id": course.clinic_id, "id": course.id, "indication": "kidney-transplant"}],
        )
    arrive(practice, patient, USUAL | {"wbc": 1})
    assert work(practice, "limit") == []
    assert work(practice, "unjudged-result") == ["open"], "one of the draw, not one of each value"


def test_a_childs_result_is_not_judged_by_adult_limits(practice: Practice) -> None:
    child = practice.patient(birth_date=date(2008, 1, 20))
    practice.course(child, PROTOCOL, START)
    arrive(practice, child, {"wbc": 1}, collected_on=date(2026, 1, 19))
    assert (work(practice, "limit"), work(practice, "unjudged-result")) == ([], ["open"])
    arrive(practice, child, {"wbc": 1}, collected_on=date(2026, 1, 20))
    assert work(practice, "limit") == ["open"]


def test_a_clinics_own_protocol_judges_whom_it_is_written_for(practice: Practice) -> None:
    own = PROTOCOL.model_copy(update={"id": "our-transplants", "adults_only": False})
    assert own.id not in library.protocols()
    patient = practice.patient()
    practice.course(patient, own, START, indication="kidney-transplant")
    arrive(practice, patient, {"wbc": 1})
    assert (work(practice, "limit"), work(practice, "unjudged-result")) == (["open"], [])


def test_a_trend_is_judged_with_what_was_known_before(practice: Practice) -> None:
    own = library.protocol("azathioprine-bsr-2017")
    trend = {"analyte": "creatinine", "rise_percent": 30, "over": "P12M", "level": "24h"}
    limit = type(own.limits[0]).model_validate(trend)
    protocol = own.model_copy(update={"id": "ours", "limits": (limit,)})
    patient = practice.patient()
    practice.course(patient, protocol, START)
    arrive(practice, patient, {"creatinine": 70}, collected_on=date(2026, 1, 12))
    arrive(practice, patient, {"creatinine": 91}, collected_on=date(2026, 1, 19))
    assert work(practice, "limit") == []
    arrive(practice, patient, {"creatinine": 92}, collected_on=date(2026, 1, 26))
    assert work(practice, "limit") == ["open"]


def test_a_finding_tells_the_clinic_and_says_nothing_to_the_patient(
    practice: Practice, patient: UUID
) -> None:
    before = len(practice.messages)
    send(practice, patient, "0.5", "10*9/L")
    assert work(practice, "limit") == ["open"]
    told = [row for row in practice.rows(Message) if row.patient_id == patient]
    assert len(told) == before
