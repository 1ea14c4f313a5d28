"""Two medicines of one patient: one draw, one message, one stop; and the flag that one sets on the other."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from db.engine import reading, writing
from db.tables import Course
from schedules import library, protocol
from service.flows import courses, mistakes
from service.flows.mistakes import Entry
from tests.schedules.test_protocol import file
from tests.stories.conftest import Practice

CBC = {"wbc", "anc", "plt", "hb"}
LEFLUNOMIDE = library.protocol("leflunomide-us-label")
METHOTREXATE = library.protocol("methotrexate-us-label")
LAST, EIGHT_WEEKS, A_MONTH = date(2025, 12, 15), date(2026, 2, 9), date(2026, 1, 15)


@pytest.fixture
def patient(practice: Practice) -> Any:
    practice.clock.wind(datetime(2026, 1, 6, 17, tzinfo=UTC))
    made = practice.patient()
    practice.contact(made)
    return made


def open_due(practice: Practice, course: Any) -> date:
    [due] = [item.due_on for item in practice.items if item.course_id == course and item.class_ is None]
    return due


def test_leflunomide_is_watched_monthly_while_the_patient_is_on_methotrexate_too(
    practice: Practice, patient: Any
) -> None:
    leflunomide = practice.course(patient, LEFLUNOMIDE, date(2025, 1, 6))
    every = set().union(*(clock.components for clock in LEFLUNOMIDE.clocks))
    practice.draw(patient, LAST, every)
    before = [item for item in practice.items if item.course_id == leflunomide and item.class_ is not None]
    assert open_due(practice, leflunomide) == EIGHT_WEEKS
    methotrexate = practice.course(patient, METHOTREXATE, date(2026, 1, 2))
    assert open_due(practice, leflunomide) == A_MONTH
    closed = [item for item in practice.items if item.course_id == leflunomide and item.class_ is not None]
    assert closed == before, "what was done by the rules of then stays"
    with reading(practice.engine) as session:
        found = courses.standing(session, (practice.clinic_id, leflunomide), now=practice.clock())
    assert found.facts.course.flags == {"with-methotrexate"}
    [former] = found.facts.course.earlier
    assert (former.flags, former.until) == (frozenset(), date(2026, 1, 2))
    stop = {"course_id": methotrexate, "on": date(2026, 1, 6), "type": "stop", "reason": "nausea"}
    practice.learn(patient, events=[stop])
    assert open_due(practice, leflunomide) == EIGHT_WEEKS


def test_a_methotrexate_course_that_never_was_sets_no_flag(practice: Practice, patient: Any) -> None:
    leflunomide = practice.course(patient, LEFLUNOMIDE, date(2025, 1, 6))
    practice.draw(patient, LAST, set().union(*(clock.components for clock in LEFLUNOMIDE.clocks)))
    methotrexate = practice.course(patient, METHOTREXATE, date(2026, 1, 2))
    assert open_due(practice, leflunomide) == A_MONTH
    key = practice.clinic_id, patient
    with writing(practice.engine) as session:
        mistakes.take_back(
            session,
            key,
            Entry.COURSE,
            methotrexate,
            reason="wrong patient",
            confirmed=True,
            by="a test",
            now=practice.clock(),
        )
    assert open_due(practice, leflunomide) == EIGHT_WEEKS


def test_one_draw_and_one_message_for_all_and_a_stop_leaves_the_other_alone(
    practice: Practice, patient: Any
) -> None:
    clocks = [{"id": "count", "kind": "test", "panel": ["cbc"], "phases": [{"every": "P1W"}]}]
    both = [
        practice.course(patient, protocol.build(file(id=name, clocks=clocks)), date(2026, 1, 6))
        for name in ("one", "other")
    ]
    practice.run_until(datetime(2026, 1, 13, 17, tzinfo=UTC))
    sent = [row for row in practice.reminders if row.state == "sent" and row.effect == "message"]
    assert {row.rung for row in sent} == {"day-before", "due-day"}
    assert len(sent) == 2 * len({row.message_id for row in sent}) == 4
    practice.draw(patient, date(2026, 1, 13), CBC)
    assert {open_due(practice, course) for course in both} == {date(2026, 1, 20)}
    closed = [item for item in practice.items if item.class_ is not None]
    assert {(item.course_id, item.class_) for item in closed} == {(course, "on-time") for course in both}
    other = [item for item in practice.items if item.course_id == both[1]]
    stop = {"course_id": both[0], "on": date(2026, 1, 13), "type": "stop", "reason": "well"}
    practice.learn(patient, events=[stop])
    assert [item for item in practice.items if item.course_id == both[1]] == other
    ended = {row.id: row.ended_on for row in practice.rows(Course)}
    assert ended == {both[0]: date(2026, 1, 13), both[1]: None}
