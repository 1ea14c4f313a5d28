"""After a hand-over: what still reaches one side about the patient goes on to the other."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from db import batches
from db.engine import writing
from db.results import QUARANTINE
from db.tables import AuditEntry, Clinic, Course, EndReason, HandOverState, Patient, Result
from db.types import new_id
from service.api.results import DrawIn
from service.flows import draws, events, hand_overs, mistakes
from service.flows.hand_overs import Answer
from service.flows.work_items import Person
from tests.stories.conftest import Practice, local_moment
from tests.stories.shared_care import ZONE, Shared

ACCEPTED = Answer(state=HandOverState.ACCEPTED)
LATER = date(2026, 1, 14)


@pytest.fixture
def shared(practice: Practice) -> Shared:
    found = Shared(practice)
    found.tested(date(2026, 1, 13))
    return found


def sent(shared: Shared, wbc: str, on: date = LATER) -> None:
    """A laboratory goes on sending to the hospital, on the day after or later."""
    shared.practice.clock.wind(local_moment(on, "12:00", ZONE))
    drawn = {"collected_on": str(on), "values": [{"analyte": "wbc", "value": wbc, "unit": "10*9/L"}]}
    with writing(shared.practice.engine) as session:
        key, said = (shared.practice.clinic_id, shared.patient), DrawIn.model_validate(drawn).typed()
        draws.record(session, key, said, by="a laboratory", now=shared.now)


def results(shared: Shared, clinic_id: UUID) -> list[str]:
    rows = shared.practice.rows(Result)
    return [row.value_as_sent for row in rows if row.clinic_id == clinic_id and row.collected_on >= LATER]


def end(shared: Shared, clinic_id: UUID, reason: EndReason) -> None:
    [row] = [row for row in shared.practice.rows(Patient) if row.clinic_id == clinic_id]
    said: Any = {"on": shared.now.date(), "reason": reason, "version": row.version, "confirmed": True}
    with writing(shared.practice.engine) as session:
        events.end(session, (clinic_id, row.id), **said, by="Dana Elm", now=shared.now)


def test_a_result_that_comes_to_the_old_clinic_is_judged_where_the_patient_is_monitored(
    shared: Shared,
) -> None:
    shared.answer(shared.offer(), ACCEPTED)
    sent(shared, "300")
    assert results(shared, shared.oak) == results(shared, shared.practice.clinic_id) == ["300"]
    [work] = shared.work(shared.oak).values()
    assert work.key.startswith(QUARANTINE), "no person's value: somebody there finds out"
    sent(shared, "4.0", date(2026, 1, 15))
    assert results(shared, shared.oak) == ["300", "4.0"]
    told = [row for row in shared.practice.rows(AuditEntry) if row.action == "receive results"]
    assert {row.clinic_id for row in told} == {shared.oak}
    assert len(told) == 2


def test_a_result_for_a_practice_outside_is_a_persons_to_send(shared: Shared) -> None:
    yes = Answer(state=HandOverState.ACCEPTED, by="Dr Grace", on=shared.now.date(), words="her letter")
    shared.own(shared.outside(), yes)
    sent(shared, "4.1")
    work = shared.work(shared.practice.clinic_id)["result-after-hand-over"]
    assert (work.level, work.about) == (
        "same-day",
        "A result came for a patient whom Mill Lane monitors since 2026-01-13: send it on.",
    )


def onward(shared: Shared, to: str, to_id: UUID) -> None:
    """Oak Street hands the course on, and a person there accepts."""
    [course] = [
        row for row in shared.practice.rows(Course) if row.clinic_id == shared.oak and not row.ended_on
    ]
    said: Any = {"practice": None, "person": None, "address": None, "note": None, "to_clinic": to}
    shared.practice.clock.wind(shared.now + timedelta(days=1))
    with writing(shared.practice.engine) as session:
        id_ = hand_overs.offer(
            session, (shared.oak, course.id), said, confirmed=True, by="Sam Oak", now=shared.now
        )
    shared.answer(id_, ACCEPTED, Person("Lee", True, to_id), to_id)


@pytest.fixture
def pine(shared: Shared) -> UUID:
    """A third clinic, to which Oak Street has handed the patient on."""
    id_ = new_id()
    row = {
        "id": id_,
        "name": "Pine",
        "phone": "+1 202-555-0188",
        "time_zone": ZONE,
        "emergency_number": "911",
    }
    with writing(shared.practice.engine) as session:
        batches.insert(session, Clinic, [row | {"created_at": shared.now}])
    shared.answer(shared.offer(), ACCEPTED)
    onward(shared, "Pine", id_)
    return id_


def test_handed_on_twice_it_goes_to_the_last(shared: Shared, pine: UUID) -> None:
    sent(shared, "300", date(2026, 1, 16))
    assert results(shared, pine) == ["300"]
    assert results(shared, shared.oak) == [], "it monitors no longer"
    assert next(row.key for row in shared.work(pine).values()).startswith(QUARANTINE)


def test_an_end_is_heard_of_wherever_the_patient_was(shared: Shared, pine: UUID) -> None:
    end(shared, pine, EndReason.DIED)
    for clinic_id in (shared.practice.clinic_id, shared.oak):
        assert shared.work(clinic_id)["ended-elsewhere"].about.startswith("Pine has entered")


def test_what_came_back_goes_nowhere(shared: Shared) -> None:
    shared.answer(shared.offer(), ACCEPTED)
    onward(shared, "Elm Street", shared.practice.clinic_id)
    sent(shared, "4.1", date(2026, 1, 16))
    assert results(shared, shared.practice.clinic_id) == ["4.1"]
    assert results(shared, shared.oak) == []


def test_who_had_a_result_from_the_old_clinic_hears_that_it_was_a_mistake(shared: Shared) -> None:
    shared.answer(shared.offer(), ACCEPTED)
    sent(shared, "4.1")
    elm = shared.practice.clinic_id
    [row] = [row for row in shared.practice.rows(Result) if (row.clinic_id, row.collected_on) == (elm, LATER)]
    with writing(shared.practice.engine) as session:
        said: Any = {"confirmed": True, "reason": "another patient's", "by": "Dana Elm", "now": shared.now}
        mistakes.take_back(session, (elm, shared.patient), mistakes.Entry.RESULT, row.id, **said)
    work = shared.work(shared.oak)["result-taken-back-elsewhere"]
    told = "Elm Street has taken back its wbc of 2026-01-14: take it back here too."
    assert (work.level, work.about) == ("same-day", told)


def test_without_a_hand_over_that_stands_nothing_leaves_the_clinic(shared: Shared) -> None:
    id_ = shared.offer()
    sent(shared, "4.1")
    assert results(shared, shared.oak) == []
    shared.answer(id_, Answer(state=HandOverState.DECLINED, words="full"))
    sent(shared, "4.2", date(2026, 1, 15))
    assert results(shared, shared.oak) == []
    assert "result-after-hand-over" not in shared.work(shared.practice.clinic_id)


@pytest.mark.parametrize(
    ("reason", "level", "word"),
    [(EndReason.DIED, "same-day", "died"), (EndReason.MOVED_AWAY, "24h", "moved away")],
)
def test_the_other_side_hears_of_an_end_and_decides_itself(
    shared: Shared, reason: EndReason, level: str, word: str
) -> None:
    elm = shared.practice.clinic_id
    shared.answer(shared.offer(), ACCEPTED)
    end(shared, elm, reason)
    work = shared.work(shared.oak)["ended-elsewhere"]
    assert work.level == level
    assert (
        work.about == f"Elm Street has entered that the patient {word} on 2026-01-13: find out, and enter it."
    )
    assert shared.open_items(shared.oak)
    end(shared, shared.oak, reason)
    assert "ended-elsewhere" not in shared.work(elm), "it is known there"


def test_who_monitors_now_tells_who_did(shared: Shared) -> None:
    shared.answer(shared.offer(), ACCEPTED)
    end(shared, shared.oak, EndReason.DIED)
    assert (
        "Oak Street has entered that the patient died"
        in shared.work(shared.practice.clinic_id)["ended-elsewhere"].about
    )
