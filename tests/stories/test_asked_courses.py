"""Check-ins are asked weekly at first and after a dose increase, then monthly, while the clinic asks."""

import itertools
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from db.engine import writing
from db.tables import Course
from schedules import library
from schedules import plan as planning
from schedules.days import shift
from schedules.facts import Course as Facts
from schedules.facts import Event, EventType
from service.flows import asked_courses, asking
from tests.stories.conftest import Practice
from tests.stories.test_check_ins import ask

START = date(2026, 1, 5)
OURS = library.check_ins()


def due_days(*events: Event, until: date, enrolled: date | None = None) -> list[date]:
    course = Facts(protocol=OURS, start=START, enrolled=enrolled)
    found = planning.plan(course, events, [], today=until)
    return [item.due_on for item in found.items]


def test_weekly_for_twelve_weeks_then_monthly() -> None:
    found = due_days(until=date(2026, 7, 1))
    assert found[:12] == [shift(START, 7 * week) for week in range(1, 13)]
    assert found[12:] == [date(2026, 4, 30), date(2026, 5, 30), date(2026, 6, 30)]


def test_weekly_again_for_four_weeks_after_a_dose_increase() -> None:
    answered = Event(on=date(2026, 5, 30), type=EventType.ANSWERED)
    increase = Event(on=date(2026, 6, 3), type=EventType.DOSE_INCREASE)
    found = [day for day in due_days(answered, increase, until=date(2026, 9, 1)) if day > increase.on]
    assert found[:3] == [date(2026, 6, 10), date(2026, 6, 17), date(2026, 6, 24)]
    assert found[3:] == [date(2026, 6, 30), date(2026, 7, 30), date(2026, 8, 30)]


def test_who_has_long_been_on_the_medicine_is_asked_monthly_at_once() -> None:
    found = due_days(until=date(2026, 9, 15), enrolled=date(2026, 7, 1))
    waits = [(after - day).days for day, after in itertools.pairwise(found)]
    assert min(waits[-2:]) >= 28


def test_it_changes_no_medicine() -> None:
    assert OURS.limits == ()
    assert [(clock.kind, clock.panel, clock.while_held) for clock in OURS.clocks] == [
        ("check-in", (), "continue")
    ]


@pytest.fixture
def patient(practice: Practice) -> UUID:
    found = practice.patient()
    practice.contact(found)
    practice.course(found, library.protocol("azathioprine-us-label"), START)
    return found


def asked(practice: Practice) -> list[tuple[UUID, bool]]:
    rows = practice.rows(Course)
    return [(row.patient_id, row.ended_on is None) for row in rows if row.protocol_id == OURS.id]


def tick(practice: Practice, days: float = 0) -> int:
    practice.clock.wind(practice.clock() + timedelta(days=days))
    return asked_courses.tick(practice.engine, now=practice.clock())


def test_a_course_of_check_ins_begins_with_the_switch_and_ends_with_it(
    practice: Practice, patient: UUID
) -> None:
    practice.clock.wind(datetime(2026, 1, 6, 12, tzinfo=UTC))
    assert (tick(practice), asked(practice)) == (0, [])
    ask(practice)
    other = practice.patient(mrn="on no medicine")
    assert tick(practice) == 1
    assert tick(practice, 1) == 0
    assert asked(practice) == [(patient, True)]
    assert other not in {patient_id for patient_id, _ in asked(practice)}
    [item] = [row for row in practice.items if row.kind == "check-in"]
    assert (item.due_on, item.ladder) == (date(2026, 1, 12), "check-in")
    with writing(practice.engine) as session:
        asking.switch(
            session, practice.clinic_id, on=False, by="Kim", named=True, now=practice.clock() + timedelta(1)
        )
    assert tick(practice, 2) == 1
    assert tick(practice, 1) == 0
    assert asked(practice) == [(patient, False)]


def test_a_dose_increase_of_the_medicine_brings_weekly_check_ins(practice: Practice, patient: UUID) -> None:
    practice.clock.wind(datetime(2026, 6, 1, 12, tzinfo=UTC))
    ask(practice)
    tick(practice)
    [course] = [row for row in practice.rows(Course) if row.protocol_id != OURS.id]
    [ours] = [row for row in practice.rows(Course) if row.protocol_id == OURS.id]
    answered = {"course_id": ours.id, "clock": "symptoms", "on": date(2026, 6, 1), "type": "answered"}
    practice.learn(patient, events=[answered])
    increase = {"course_id": course.id, "on": date(2026, 6, 3), "type": "dose-increase"}
    practice.clock.wind(datetime(2026, 6, 3, 12, tzinfo=UTC))
    practice.learn(patient, events=[increase])
    assert tick(practice) == 1
    assert tick(practice, 1) == 0
    due = [row.due_on for row in practice.items if row.kind == "check-in" and row.class_ is None]
    assert due == [date(2026, 6, 10)]


def test_a_stop_of_the_medicine_ends_the_check_ins(practice: Practice, patient: UUID) -> None:
    practice.clock.wind(datetime(2026, 1, 6, 12, tzinfo=UTC))
    ask(practice)
    tick(practice)
    [course] = [row for row in practice.rows(Course) if row.protocol_id != OURS.id]
    stop = {
        "course_id": course.id,
        "on": date(2026, 1, 6),
        "type": "stop",
        "decided_by": "Dr Kim",
        "reason": "x",
    }
    practice.learn(patient, events=[stop])
    tick(practice, 1)
    assert asked(practice) == [(patient, False)]
