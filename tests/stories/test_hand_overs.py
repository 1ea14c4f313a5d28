"""Shared care: a course passes to another clinic when a named person there accepts it, and not before."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db import hand_overs, protocols
from db import work_items as stored
from db.engine import reading, writing
from db.tables import Contact, Course, CourseEvent, HandOver, HandOverState, Patient
from db.types import new_id
from schedules import protocol
from schedules.facts import Class, EventType
from service.errors import Problem
from service.flows import carrying, events, mistakes, reports, upkeep, work_items
from service.flows import hand_overs as flow
from service.flows.hand_overs import Answer
from service.flows.reports import Question
from service.flows.work_items import Person
from tests.schedules.test_protocol import file
from tests.stories.conftest import Practice, local_moment
from tests.stories.shared_care import ZONE, Shared

ACCEPTED, DECLINED = Answer(state=HandOverState.ACCEPTED), Answer(state=HandOverState.DECLINED, words="full")


@pytest.fixture
def shared(practice: Practice) -> Shared:
    return Shared(practice)


def test_until_it_is_accepted_the_offering_clinic_answers_for_everything(shared: Shared) -> None:
    practice = shared.practice
    before = (practice.items, practice.reminders)
    shared.offer()
    assert (practice.items, practice.reminders) == before
    asked = shared.work(shared.oak)["hand-over-offered"]
    assert "Elm Street offers the monitoring of azathioprine; the next is due on 2026-01-12" in asked.about
    assert "Ada" not in asked.about
    practice.run_until(datetime(2026, 1, 13, tzinfo=UTC))
    said = [row for row in practice.reminders if row.state == "sent"]
    assert said
    assert {row.clinic_id for row in said} == {practice.clinic_id}


def test_accepted_it_is_the_receivers_with_the_same_dates_and_no_longer_the_offerers(shared: Shared) -> None:
    practice = shared.practice
    shared.tested(date(2026, 1, 13))
    [open_] = shared.open_items(practice.clinic_id)
    shared.answer(shared.offer(), ACCEPTED)
    assert shared.open_items(practice.clinic_id) == []
    [taken] = shared.open_items(shared.oak)
    assert (taken.due_on, taken.ordinal, taken.last_on_time) == (
        open_.due_on, open_.ordinal, open_.last_on_time,
    )  # fmt: skip
    [old, new] = practice.rows(Course)
    assert (old.ended_on, new.ended_on, new.enrolled) == (date(2026, 1, 13), None, date(2026, 1, 13))
    [row] = practice.rows(HandOver)
    assert (row.course_id, row.made_course_id, row.answered_by) == (old.id, new.id, "Sam Oak")
    end = practice.rows(CourseEvent)[-1]
    assert (end.reason, end.decided_by) == ("handed over to Oak Street", "Sam Oak")
    waiting = {row.clinic_id for row in practice.reminders if row.state == "waiting"}
    assert waiting == {shared.oak}
    assert [row.address for row in practice.rows(Contact)] == ["+12025550101"] * 2
    assert "hand-over-offered" not in shared.work(shared.oak)


@pytest.mark.parametrize("late", [0, 40])
def test_the_receivers_first_item_is_due_no_later_though_no_test_is_known(shared: Shared, late: int) -> None:
    """Also when it is overdue: to change hands puts nothing off."""
    shared.practice.clock.wind(local_moment(date(2026, 1, 12) + timedelta(days=late), "12:00", ZONE))
    [open_] = shared.open_items(shared.practice.clinic_id)
    shared.answer(shared.offer(), ACCEPTED)
    assert [row.due_on for row in shared.open_items(shared.oak)] == [open_.due_on]


@pytest.mark.parametrize(("on", "theirs"), [(14, "elm"), (13, "oak")])
def test_each_item_is_counted_once_where_it_belonged_on_its_day(shared: Shared, on: int, theirs: str) -> None:
    """The day of the acceptance is the receiver's whole, with what came on it."""
    practice = shared.practice
    shared.tested(date(2026, 1, 13))
    practice.clock.wind(local_moment(date(2026, 1, on), "12:00", ZONE))
    shared.answer(shared.offer(), ACCEPTED)
    [new] = [row for row in practice.rows(Patient) if row.clinic_id == shared.oak]
    [course] = [row for row in practice.rows(Course) if row.clinic_id == shared.oak]
    practice.clock.wind(local_moment(date(2026, 1, 20), "12:00", ZONE))
    shared.tested_there(new.id, course.id)
    names = {practice.clinic_id: "elm", shared.oak: "oak"}
    outside = (Class.NOT_MONITORED_HERE, Class.ENDED, Class.WITHDRAWN, None)
    counted = [row for row in practice.items if row.class_ not in outside]
    assert sorted((row.due_on.day, names[row.clinic_id], row.class_) for row in counted) == [
        (12, theirs, Class.ON_TIME),
        (20, "oak", Class.ON_TIME),
    ]
    for as_of in (None, shared.now):
        groups = reports.adherence(practice.engine, Question(as_of=as_of), now=shared.now).groups
        days = {
            name: section.days_in_date and section.days_in_date.denominator
            for name, section in groups.items()
        }
        assert days == {"Elm Street": on - 12, "Oak Street": 21 - on}


def test_a_no_is_work_for_who_offered_and_changes_nothing(shared: Shared) -> None:
    before = shared.practice.items
    with pytest.raises(Problem):
        shared.answer(shared.offer(), Answer(state=HandOverState.DECLINED))
    [row] = shared.practice.rows(HandOver)
    shared.answer(row.id, DECLINED)
    work = shared.work(shared.practice.clinic_id)["hand-over-declined"]
    assert (work.level, work.about) == ("24h", "Sam Oak declined the hand-over: full")
    assert (shared.practice.items, shared.state) == (before, HandOverState.DECLINED)


def test_nobody_answers_for_fourteen_days_and_the_clinic_is_told_once_the_same_day(shared: Shared) -> None:
    id_, begun = shared.offer(), shared.now
    for days_on, told in ((13, False), (14, True), (20, True)):
        shared.practice.clock.wind(begun + timedelta(days=days_on))
        upkeep.tick(shared.practice.engine, shared.practice.clock)
        work = shared.work(shared.practice.clinic_id).get("hand-over-unanswered")
        assert (work is not None) is told
    assert work is not None
    assert (work.level, work.raised) == ("same-day", 1)
    shared.answer(id_, ACCEPTED)
    assert shared.state is HandOverState.ACCEPTED


def test_a_practice_outside_accepts_by_name_day_and_proof_and_gives_back(shared: Shared) -> None:
    practice, id_ = shared.practice, shared.outside()
    with pytest.raises(Problem):
        shared.own(id_, ACCEPTED)
    yes = Answer(state=HandOverState.ACCEPTED, by="Dr Grace", on=date(2026, 1, 6), words="her letter")
    shared.own(id_, yes)
    assert shared.open_items(practice.clinic_id) == []
    end = practice.rows(CourseEvent)[-1]
    assert (end.reason, end.decided_by) == ("monitored elsewhere: Mill Lane", "Dr Grace")
    practice.clock.wind(shared.now + timedelta(days=30))
    shared.own(id_, Answer(state=HandOverState.RETURNED))
    assert [row.due_on for row in shared.open_items(practice.clinic_id)] == [date(2026, 1, 12)]
    assert shared.state is HandOverState.RETURNED
    with pytest.raises(Problem):
        shared.own(id_, Answer(state=HandOverState.RETURNED))


def test_what_was_handed_over_is_offered_back_and_goes_on_in_the_first_record(shared: Shared) -> None:
    practice = shared.practice
    shared.answer(shared.offer(), ACCEPTED)
    [course] = [row for row in practice.rows(Course) if row.clinic_id == shared.oak]
    to = {"to_clinic": "Elm Street", "practice": None, "person": None, "address": None, "note": None}
    with writing(practice.engine) as session:
        back = flow.offer(session, (shared.oak, course.id), to, confirmed=True, by="Sam", now=shared.now)
    practice.clock.wind(shared.now + timedelta(days=2))
    shared.own(back, ACCEPTED)
    [open_] = [row for row in practice.items if row.class_ is None]
    assert (open_.clinic_id, open_.patient_id) == (practice.clinic_id, shared.patient)
    assert len(practice.rows(Patient)) == 2


def test_killed_anywhere_in_the_middle_there_is_one_owner(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_, before = shared.offer(), shared.practice.items

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    for where in ((carrying, "_carry_contacts"), (carrying, "_no_later"), (flow, "replan"), (flow, "_over")):
        with monkeypatch.context() as patch:
            patch.setattr(*where, killed)
            with pytest.raises(KeyboardInterrupt):
                shared.answer(id_, ACCEPTED)
        assert (shared.practice.items, shared.state) == (before, HandOverState.OFFERED)
        assert [row.clinic_id for row in shared.practice.rows(Course)] == [shared.practice.clinic_id]
    shared.answer(id_, ACCEPTED)
    assert len([row for row in shared.practice.items if row.class_ is None]) == 1


def test_only_a_key_of_the_clinic_that_is_asked_accepts(shared: Shared) -> None:
    id_ = shared.offer()
    with pytest.raises(Problem) as refused:
        shared.answer(id_, ACCEPTED, Person("the house", True, None))
    assert "use a key of that clinic" in refused.value.detail
    with pytest.raises(Problem) as refused:
        shared.own(id_, ACCEPTED)
    assert "the other side's" in refused.value.detail
    with pytest.raises(Problem) as refused:
        shared.answer(id_, ACCEPTED, clinic=new_id())
    assert refused.value.status == 404


def test_an_alert_is_ended_where_it_is_known_before_the_patient_goes(shared: Shared) -> None:
    id_, practice = shared.offer(), shared.practice
    work = {"clinic_id": practice.clinic_id, "patient_id": shared.patient, "kind": "limit"}
    work |= {"level": "emergency", "role": "prescriber", "key": "limit/1", "due_by": shared.now}
    with writing(practice.engine) as session:
        stored.raise_(session, [work], now=shared.now)
    with pytest.raises(Problem) as refused:
        shared.answer(id_, ACCEPTED)
    assert "An alert" in refused.value.detail
    [row] = [row for row in practice.work if row.key == "limit/1"]
    with writing(practice.engine) as session:
        work_items.finish(
            session, (row.clinic_id, row.id), Person("Dana Elm", True),
            outcome=work_items.Outcome.REACHED, text="seen to", now=shared.now,
        )  # fmt: skip
    shared.answer(id_, ACCEPTED)


def test_an_offer_of_a_course_that_ended_is_withdrawn(shared: Shared) -> None:
    id_, practice = shared.offer(), shared.practice
    stop = {"type": "stop", "on": date(2026, 1, 6), "reason": "remission", "decided_by": "Dr Grace"}
    practice.learn(shared.patient, events=[stop | {"course_id": shared.course}])
    with pytest.raises(Problem):
        shared.answer(id_, ACCEPTED)
    upkeep.tick(practice.engine, practice.clock)
    assert shared.state is HandOverState.WITHDRAWN
    assert "hand-over-offered" not in shared.work(shared.oak)
    with reading(practice.engine) as session:
        assert hand_overs.listed(session, shared.oak) == []


@pytest.mark.parametrize("side", ["left", "taken"])
def test_the_end_and_the_beginning_of_a_hand_over_cannot_be_taken_back(shared: Shared, side: str) -> None:
    practice = shared.practice
    shared.answer(shared.offer(), ACCEPTED)
    [end] = practice.rows(CourseEvent)
    [taken] = [row for row in practice.rows(Course) if row.clinic_id == shared.oak]
    key, entry = {
        "left": ((practice.clinic_id, shared.patient), (mistakes.Entry.EVENT, end.id)),
        "taken": ((shared.oak, taken.patient_id), (mistakes.Entry.COURSE, taken.id)),
    }[side]
    with writing(practice.engine) as session, pytest.raises(Problem) as refused:
        mistakes.take_back(session, key, *entry, confirmed=True, reason="x", by="x", now=shared.now)
    assert "handed over" in refused.value.detail


def test_who_said_stop_here_is_not_written_to_there(shared: Shared) -> None:
    [contact] = shared.practice.rows(Contact)
    shared.practice.withdraw_consent(shared.patient, contact.id)
    shared.answer(shared.offer(), ACCEPTED)
    assert "unreachable" in shared.work(shared.oak)


def test_H33_a_record_of_another_date_of_birth_is_not_the_patients(shared: Shared) -> None:
    shared.practice.patient(clinic_id=shared.oak, mrn="7", birth_date=date(1981, 1, 1))
    with pytest.raises(Problem) as refused:
        shared.answer(shared.offer(), ACCEPTED)
    assert "another date of birth" in refused.value.detail
    assert len(shared.open_items(shared.practice.clinic_id)) == 1


def test_a_clinics_own_protocol_comes_into_force_nowhere_without_that_clinics_two_persons(
    shared: Shared,
) -> None:
    practice, own = shared.practice, protocol.build(file(id="elms-own"))
    shared.course = practice.course(shared.patient, own, date(2026, 1, 5))
    id_ = shared.offer()
    with pytest.raises(Problem) as refused:
        shared.answer(id_, ACCEPTED)
    assert "have the same approved in the receiving clinic first" in refused.value.detail
    with writing(practice.engine) as session:
        protocols.pin(session, shared.oak, own, now=shared.now)
    shared.answer(id_, ACCEPTED)
    assert {row.clinic_id for row in shared.open_items(shared.oak)} == {shared.oak}


def test_what_is_entered_today_goes_along_from_tomorrow(shared: Shared) -> None:
    practice, key = shared.practice, (shared.practice.clinic_id, shared.course)
    practice.clock.wind(local_moment(date(2026, 1, 7), "12:00", ZONE))
    id_ = shared.offer()
    hold: dict[str, Any] = dict.fromkeys(("clock", "every", "due_on", "decided_by", "at_local", "dose")) | {
        "type": EventType.HOLD,
        "on": date(2026, 1, 7),
        "reason": "planned",
        "review_on": date(2026, 1, 20),
    }
    with writing(practice.engine) as session:
        events.record(session, key, hold, by="Dana", now=shared.now)
    with pytest.raises(Problem) as refused:
        shared.answer(id_, ACCEPTED)
    assert "from tomorrow on" in refused.value.detail
    practice.clock.wind(local_moment(date(2026, 1, 8), "12:00", ZONE))
    shared.answer(id_, ACCEPTED)
    assert [row.held for row in shared.open_items(shared.oak)] == [True]
