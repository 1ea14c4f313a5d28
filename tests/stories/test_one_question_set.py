"""A protocol has check-ins of its own and the clinic asks the question set: the patient is asked once."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from db.adherence import Scope
from db.tables import Course, Item
from schedules import library
from schedules.facts import Class
from service.flows import asked_courses, prescribing, reports
from service.flows.reports import Question
from tests.stories.conftest import Practice
from tests.stories.test_check_ins import answer, ask
from tests.stories.test_said import a_protocol

OURS = library.check_ins().id


def tick(practice: Practice, at: datetime) -> int:
    practice.clock.wind(at)
    return asked_courses.tick(practice.engine, now=practice.clock())


def moment(day: int, month: int = 1) -> datetime:
    return datetime(2026, month, day, 15, tzinfo=UTC)


@pytest.fixture
def patient(practice: Practice) -> UUID:
    """The set is due on 12 January, the protocol's own check-in on the 14th: it opens on the 13th."""
    found = practice.patient()
    practice.contact(found)
    own = a_protocol(kind="check-in", phases=[{"every": "P1W"}])
    practice.course(found, own, date(2026, 1, 7))
    practice.course(found, library.protocol("azathioprine-us-label"), date(2026, 1, 5))
    ask(practice)
    tick(practice, moment(8))
    return found


def check_ins(practice: Practice, *, own: bool) -> list[tuple[date, Class | None]]:
    courses = {row.id for row in practice.rows(Course) if (row.protocol_id == "invented") is own}
    rows = [row for row in practice.rows(Item, "due_on") if row.course_id in courses]
    return [(row.due_on, row.class_) for row in rows if row.kind == "check-in"]


def the_set(practice: Practice) -> str:
    [course] = [row.id for row in practice.rows(Course) if row.protocol_id == OURS]
    return next(row.id.hex for row in practice.items if row.course_id == course and row.class_ is None)


def told_of_own(practice: Practice, since: datetime) -> list[datetime]:
    courses = {row.id for row in practice.rows(Course) if row.protocol_id == "invented"}
    items = {row.id for row in practice.items if row.course_id in courses}
    sent = [row for row in practice.reminders if row.item_id in items and row.state == "sent"]
    return [row.decided_at for row in sent if row.decided_at > since]


def test_the_protocols_own_check_in_is_answered_by_the_set_and_not_asked_again(
    practice: Practice, patient: UUID
) -> None:
    practice.run_until(moment(12))
    answer(practice, patient, item=the_set(practice))
    assert check_ins(practice, own=True) == [(date(2026, 1, 14), None)], "it is not open yet"
    assert tick(practice, moment(12) + timedelta(hours=1)) == 0
    assert tick(practice, moment(13)) == 1
    assert tick(practice, moment(13) + timedelta(hours=1)) == 0
    assert check_ins(practice, own=True) == [(date(2026, 1, 14), Class.ON_TIME), (date(2026, 1, 21), None)]
    practice.run_until(moment(17))
    assert told_of_own(practice, moment(13)) == []
    assert tick(practice, moment(20)) == 0, "the answers of the 12th were for the one before"


def test_one_answer_closes_both_where_both_are_open(practice: Practice, patient: UUID) -> None:
    practice.run_until(moment(14))
    assert told_of_own(practice, moment(13)) != [], "the set was not answered"
    answer(practice, patient, item=the_set(practice))
    assert check_ins(practice, own=True)[0] == (date(2026, 1, 14), Class.ON_TIME)
    assert check_ins(practice, own=False)[0] == (date(2026, 1, 12), Class.ON_TIME)


def test_no_course_of_check_ins_is_on_a_list_of_medicines(practice: Practice, patient: UUID) -> None:
    engine, now = practice.engine, practice.clock()
    listed = {one.protocol for one in prescribing.standings(engine, Scope(), now=now)}
    assert listed == {"invented", "azathioprine-us-label"}
    assert prescribing.without_next_date(engine, Scope(), now=now) == []
    for question in (Question(), Question(as_of=now)):
        coverage = reports.adherence(engine, question, now=now).total.coverage
        assert coverage is not None
        assert coverage.denominator == len(listed)
