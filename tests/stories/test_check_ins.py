"""A patient answers the question set: answers and the person who is asked are one, whatever happens."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from db import invariants
from db.engine import reading, writing
from db.tables import Bound, Channel, CheckIn, CheckInAnswer, CourseEvent
from schedules import library, triage
from schedules.facts import Class
from schedules.rota import EVERY_DAY, RUNGS
from schedules.triage import Assessment
from service.errors import Problem
from service.flows import asking, check_ins, reminders, rota, visitors, work_items
from service.flows.rota import Duty
from service.flows.work_items import Outcome, Person
from tests.stories.conftest import Practice
from tests.stories.test_said import a_protocol

START = date(2026, 1, 5)
ASKED = library.question_set()
WELL = {f"q.{question.id}": question.choices[0].id for question in ASKED.questions}
FEVER = {"q.fever": "fever"}
COLLAPSE = {"q.tummy-pain": "collapse"}
AMBER = {"q.vomiting": "eats-less"}


def ask(practice: Practice) -> None:
    """The clinic switches the question set on, with somebody to be told of what is red at every hour."""
    always = {"weekdays": EVERY_DAY, "begins": time(0), "ends": time(0)}
    duties = [
        Duty(rung=rung, person=f"Rosa {rung}", channel=Channel.EMAIL, address=f"{rung}@elm.example", **always)
        for rung in RUNGS
    ]
    now = practice.clock()
    with writing(practice.engine) as session:
        rota.put(session, practice.clinic_id, duties, version=0, by="a test", now=now)
        asking.switch(session, practice.clinic_id, on=True, by="Rosa Example", named=True, now=now)


def enrolled(practice: Practice, **columns: Any) -> UUID:
    found = practice.patient(**columns)
    practice.contact(found)
    practice.course(found, a_protocol(kind="check-in", phases=[{"every": "P1W"}]), START)
    return found


@pytest.fixture
def patient(practice: Practice) -> UUID:
    """Somebody who was asked for the first check-in."""
    ask(practice)
    found = enrolled(practice)
    practice.run_until(datetime(2026, 1, 12, 15, tzinfo=UTC))
    return found


def answer(practice: Practice, patient: UUID, *, item: str | None = None, **answers: str) -> Assessment:
    form = WELL | answers | {"item": open_item(practice, patient) if item is None else item}
    with writing(practice.engine) as session:
        return check_ins.take(
            session, visit(practice, session, patient), check_ins.read(form), now=practice.clock()
        )


def visit(practice: Practice, session: Any, patient: UUID) -> visitors.Visitor:
    [*_, last] = [row for row in practice.messages if row.accepted_at and row.patient_id == patient]
    found = visitors.find(session, last.id, now=practice.clock())
    assert found is not None
    return found


def open_item(practice: Practice, patient: UUID) -> str:
    """Of the protocol's own check-in; the switch has begun another beside it."""
    rows = [row for row in practice.items if row.class_ is None and row.patient_id == patient]
    row = min(rows, key=lambda row: row.due_on)
    return str(row.id.hex)


def asked_of_people(practice: Practice) -> list[tuple[str, str]]:
    return [(row.level, row.role.value) for row in practice.work if row.kind == check_ins.KIND]


def test_well_is_kept_closes_the_check_in_and_asks_nobody(practice: Practice, patient: UUID) -> None:
    assert answer(practice, patient).level == "routine"
    [row] = practice.rows(CheckIn)
    assert (row.bound, row.level, row.work_key, row.set_version) == (Bound.ASKED, "routine", None, 1)
    assert len(practice.rows(CheckInAnswer)) == len(ASKED.questions)
    answered = [event.clock for event in practice.rows(CourseEvent)]
    assert answered == [practice.items[0].clock, "symptoms"], "the set's own, which is open too"
    assert practice.items[0].class_ is Class.ON_TIME
    assert asked_of_people(practice) == []


@pytest.mark.parametrize(
    ("answers", "level"),
    [(AMBER, "24h"), (FEVER, "same-day"), (COLLAPSE, "emergency")],
    ids=["24h", "red", "L3"],
)
def test_H46_one_submission_has_exactly_one_work_item(
    practice: Practice, patient: UUID, answers: dict[str, str], level: str
) -> None:
    assert answer(practice, patient, **answers).level == level
    assert asked_of_people(practice) == [(level, "clinician")]
    [row] = practice.rows(CheckIn)
    assert [work.key for work in practice.work if work.kind == check_ins.KIND] == [row.work_key]
    assert row.reasons[0]["level"] == level
    assert row.reasons[0]["source"]


def test_two_red_submissions_are_two_work_items(practice: Practice, patient: UUID) -> None:
    answer(practice, patient, **FEVER)
    answer(practice, patient, **FEVER)
    assert len(asked_of_people(practice)) == 2


class PowerCut(Exception):
    """The process ends here."""


def test_H46_a_crash_at_any_statement_leaves_answer_and_work_item_or_neither(
    practice: Practice, patient: UUID
) -> None:
    item, crashes = open_item(practice, patient), 0
    while not practice.rows(CheckIn):
        left = [crashes]

        def crash(*_: object, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] < 0:
                raise PowerCut

        sa.event.listen(practice.engine, "before_cursor_execute", crash)
        try:
            answer(practice, patient, item=item, **FEVER)
        except PowerCut:
            crashes += 1
        finally:
            sa.event.remove(practice.engine, "before_cursor_execute", crash)
        with reading(practice.engine) as session:
            assert invariants.broken(session) == {}
        assert len(practice.rows(CheckIn)) == len(asked_of_people(practice))
    assert crashes > 10
    assert asked_of_people(practice) == [("same-day", "clinician")]


def test_H46_a_rule_that_raises_is_an_alert(
    practice: Practice, patient: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> Assessment:
        raise ZeroDivisionError

    monkeypatch.setattr(triage, "assess", fails)
    found = answer(practice, patient)
    assert (found.level, found.reasons[0].sentence) == (
        "same-day",
        "The answers could not be evaluated: a rule failed.",
    )
    assert asked_of_people(practice) == [("same-day", "clinician")]
    assert len(practice.rows(CheckInAnswer)) == len(ASKED.questions)


def test_a_red_one_is_not_finished_without_a_person_and_words(practice: Practice, patient: UUID) -> None:
    answer(practice, patient, **FEVER)
    practice.run_until(practice.clock() + timedelta(days=30))
    [work] = [row for row in practice.work if row.kind == check_ins.KIND]
    assert work.state.value == "open", "no later check-in finishes it"
    now, key = practice.clock(), (practice.clinic_id, work.id)
    for who, text in ((Person("somebody", False), "Seen."), (Person("Rosa", True), None)):
        with pytest.raises(Problem), writing(practice.engine) as session:
            work_items.finish(session, key, who, outcome=Outcome.REACHED, text=text, now=now)
    with writing(practice.engine) as session:
        work_items.finish(
            session, key, Person("Rosa", True), outcome=Outcome.REACHED, text="Count is fine.", now=now
        )


def test_H51_late_answers_belong_to_the_check_in_they_name_and_a_person_looks(
    practice: Practice, patient: UUID
) -> None:
    first = open_item(practice, patient)
    practice.run_until(datetime(2026, 1, 19, 15, tzinfo=UTC))
    assert open_item(practice, patient) != first
    answer(practice, patient, item=first)
    [row] = practice.rows(CheckIn)
    assert (row.bound, row.item_id.hex) == (Bound.LATE, first)
    [course] = {item.course_id for item in practice.items if item.id.hex == first}
    mine = [item.class_ for item in practice.items if item.course_id == course]
    assert mine == [Class.MISSED, None], "the newer one stays open"
    assert asked_of_people(practice) == [("24h", "clinician")]


def test_H51_interleaved_check_ins_bind_to_the_one_that_is_named(practice: Practice, patient: UUID) -> None:
    seen: list[str] = []
    for week in range(1, 7):
        practice.run_until(datetime(2026, 1, 12, 15, tzinfo=UTC) + timedelta(weeks=week - 1))
        seen.append(open_item(practice, patient))
        answer(practice, patient, item=seen[week // 2])
    found = [(row.item_id.hex, row.bound) for row in practice.rows(CheckIn, "at")]
    assert [item for item, _ in found] == [seen[week // 2] for week in range(1, 7)]
    [course] = {item.course_id for item in practice.items if item.id.hex in seen}
    closed = [row for row in practice.items if row.class_ is Class.ON_TIME and row.course_id == course]
    assert Counter(bound for _, bound in found)[Bound.ASKED] == len(closed) > 0


@pytest.mark.parametrize("item", ["", "0" * 32, "nonsense", "x" * 500])
def test_H51_what_names_none_of_the_patients_is_a_persons(
    practice: Practice, patient: UUID, item: str
) -> None:
    answer(practice, patient, item=item)
    assert [(row.bound, row.item_id) for row in practice.rows(CheckIn)] == [(Bound.UNCLEAR, None)]
    assert asked_of_people(practice) == [("24h", "clinician")]


def test_H52_on_a_shared_telephone_answers_belong_to_the_patient_of_the_link(practice: Practice) -> None:
    ask(practice)
    mother, child = (
        enrolled(practice, name="Mother Invented"),
        enrolled(practice, birth_date=date(2005, 5, 5)),
    )
    practice.run_until(datetime(2026, 1, 12, 15, tzinfo=UTC))
    answer(practice, mother, item=open_item(practice, child), **FEVER)
    answer(practice, child)
    found = {row.patient_id: (row.bound, row.level) for row in practice.rows(CheckIn)}
    assert found == {mother: (Bound.UNCLEAR, "same-day"), child: (Bound.ASKED, "routine")}
    closed = {row.patient_id for row in practice.items if row.class_ is Class.ON_TIME}
    assert closed == {child}
    assert {row.patient_id for row in practice.work if row.kind == check_ins.KIND} == {mother}


def test_a_clinic_switches_it_on_by_name_and_only_when_somebody_is_there(practice: Practice) -> None:
    now = practice.clock()

    def switch(*, named: bool) -> None:
        with writing(practice.engine) as session:
            asking.switch(session, practice.clinic_id, on=True, by="Rosa", named=named, now=now)

    with pytest.raises(Problem, match="named person"):
        switch(named=False)
    with pytest.raises(Problem, match="Nobody is reachable"):
        switch(named=True)
    ask(practice)
    with reading(practice.engine) as session:
        found = asking.standing(session, practice.clinic_id, now=now)
    assert (found.on, found.by, found.at, found.covered) == (True, "Rosa Example", now, True)
    with writing(practice.engine) as session:
        found = asking.switch(
            session, practice.clinic_id, on=False, by="Kim", named=True, now=now + timedelta(1)
        )
    assert (found.on, found.by) == (False, "Kim")
    with reading(practice.engine) as session:
        assert asking.asked(session, practice.clinic_id) is None


def test_reminders_go_on_as_before(practice: Practice, patient: UUID) -> None:
    reminders.tick(practice.engine, practice.clock, practice.channels)
    assert [row.kind.value for row in practice.messages if row.accepted_at] == ["reminder"]


def test_the_list_says_what_a_check_in_was_about(practice: Practice, patient: UUID) -> None:
    found = answer(practice, patient, **FEVER)
    [work] = [row for row in practice.work if row.kind == "check-in"]
    assert [reason.sentence in work.about for reason in found.reasons] == [True] * len(found.reasons)
    assert work.about
