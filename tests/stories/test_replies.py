"""What a patient tells by the link of a message, and what becomes of it."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from db import invariants
from db.engine import reading, writing
from db.tables import AuditEntry, Consent, CourseEvent, Reply
from schedules import library
from schedules.facts import Class, EventType
from service.flows import reminders, replies, visitors
from service.flows.visitors import Visitor
from tests.stories.conftest import Practice
from tests.stories.test_said import a_protocol

PROTOCOL = library.protocol("azathioprine-us-label")
START = date(2026, 1, 5)
NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)  # the first reminder, 09:00 in New York
DUE = date(2026, 1, 12)


@pytest.fixture
def patient(practice: Practice) -> UUID:
    """Somebody who got the first reminder."""
    found = practice.patient()
    practice.contact(found)
    practice.course(found, PROTOCOL, START)
    practice.clock.wind(NINE)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    return found


def visit(practice: Practice, session: object, *, audience: str = "patient") -> Visitor:
    said = [row for row in practice.messages if row.audience.value == audience and row.accepted_at]
    found = visitors.find(session, said[-1].id, now=practice.clock())  # type: ignore[arg-type]
    assert found is not None
    return found


def item_of(practice: Practice) -> str:
    [row] = [row for row in practice.items if row.class_ is None]
    return str(row.id.hex)


def say_done(practice: Practice, *, on: date = date(2026, 1, 11), place: str = "Hill laboratory") -> str:
    with writing(practice.engine) as session:
        who = visit(practice, session)
        return replies.done(session, who, item_of(practice), on=on, place=place, now=practice.clock())


def said_to_patients(practice: Practice) -> list[datetime]:
    return [row.accepted_at for row in practice.messages if row.accepted_at and row.channel.value == "outbox"]


def work(practice: Practice, kind: str) -> list[tuple[str, str, str]]:
    return [(row.level, row.role.value, row.state.value) for row in practice.work if row.kind == kind]


def test_H32_done_keeps_reminders_away_for_72_hours_and_closes_nothing(
    practice: Practice, patient: UUID
) -> None:
    assert say_done(practice) == "done_thanks"
    assert work(practice, "get-result") == [("routine", "coordinator", "open")]
    practice.run_until(NINE + timedelta(hours=72))
    assert said_to_patients(practice) == [NINE]
    assert [row.class_ for row in practice.items] == [None]
    practice.run_until(NINE + timedelta(days=4))
    assert said_to_patients(practice) == [NINE, NINE + timedelta(hours=72)]


@pytest.mark.parametrize("back", [timedelta(seconds=1), timedelta(days=30)])
def test_H27_H54_a_stop_counts_also_after_the_clock_was_set_back(
    practice: Practice, patient: UUID, back: timedelta
) -> None:
    with writing(practice.engine) as session:
        who = visit(practice, session)
        practice.clock.wind(practice.clock() - back)
        replies.stop(session, who, now=practice.clock())
    practice.clock.wind(NINE)
    practice.run_until(NINE + timedelta(days=20))
    assert said_to_patients(practice) == [NINE]


def test_saying_it_a_second_time_gives_no_further_rest(practice: Practice, patient: UUID) -> None:
    say_done(practice)
    practice.run_until(NINE + timedelta(hours=71))
    assert say_done(practice) == "done_thanks"
    practice.run_until(NINE + timedelta(days=4))
    assert len(said_to_patients(practice)) == 2
    assert work(practice, "get-result") == [("routine", "coordinator", "open")]
    assert len(practice.rows(Reply)) == 2


def test_the_result_closes_the_item_and_the_work_of_getting_it(practice: Practice, patient: UUID) -> None:
    say_done(practice)
    practice.draw(patient, date(2026, 1, 11), set(PROTOCOL.clocks[0].components))
    assert [row.class_ for row in practice.items if row.class_] == [Class.ON_TIME]
    assert work(practice, "get-result") == [("routine", "coordinator", "done")]


def test_the_staffs_rungs_go_on_while_the_patients_rest(practice: Practice, patient: UUID) -> None:
    practice.run_until(NINE + timedelta(days=1, hours=2))
    say_done(practice, on=DUE)
    practice.run_until(NINE + timedelta(days=6))
    assert [row.kind for row in practice.work if row.kind != "get-result"] == ["overdue"]


@pytest.mark.parametrize(
    ("on", "place"),
    [(date(2026, 1, 12), "Hill laboratory"), (date(2026, 1, 4), "Hill laboratory"), (START, "  ")],
    ids=["a day to come", "before the item", "no place"],
)
def test_done_needs_a_day_that_can_be_and_a_place(
    practice: Practice, patient: UUID, on: date, place: str
) -> None:
    assert say_done(practice, on=on, place=place) == "done_again"
    assert practice.rows(Reply) == []


def test_stop_ends_the_messages_and_not_the_monitoring(practice: Practice, patient: UUID) -> None:
    with writing(practice.engine) as session:
        assert replies.stop(session, visit(practice, session), now=practice.clock()) == "stopped"
    assert work(practice, "messages-stopped") == [("24h", "coordinator", "open")]
    practice.run_until(NINE + timedelta(days=10))
    assert said_to_patients(practice) == [NINE]
    assert work(practice, "overdue") == [("routine", "coordinator", "open")]
    given = [(row.given, row.source) for row in practice.rows(Consent, "at")]
    assert given == [(True, "form"), (False, "link")]


def test_a_carer_who_stops_leaves_the_patients_messages(practice: Practice) -> None:
    patient = practice.patient()
    practice.contact(patient)
    practice.contact(patient, audience="carer")
    practice.course(patient, PROTOCOL, START)
    practice.clock.wind(NINE)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    with writing(practice.engine) as session:
        carer = visit(practice, session, audience="carer")
        assert not carer.may_open
        replies.stop(session, carer, now=practice.clock())
    practice.run_until(NINE + timedelta(days=2))
    audiences = [
        row.audience.value for row in practice.messages if row.accepted_at and row.accepted_at > NINE
    ]
    assert "patient" in audiences
    assert "carer" not in audiences


def test_a_problem_is_a_same_day_work_item_from_the_same_transaction(
    practice: Practice, patient: UUID
) -> None:
    with writing(practice.engine) as session:
        who = visit(practice, session)
        said = replies.answer(session, who, choice="yes", text="a rash", now=practice.clock())
        assert invariants.broken(session) == {}
    assert said == "problem_told"
    assert work(practice, "problem-told") == [("same-day", "clinician", "open")]
    [reply] = practice.rows(Reply)
    assert (reply.kind.value, reply.text) == ("problem", "a rash")


def test_two_problems_are_two_work_items(practice: Practice, patient: UUID) -> None:
    for text in ("a rash", "a fever"):
        with writing(practice.engine) as session:
            replies.answer(session, visit(practice, session), choice="yes", text=text, now=practice.clock())
    assert len(work(practice, "problem-told")) == 2


def test_an_answer_closes_the_check_in(practice: Practice) -> None:
    weekly = a_protocol(kind="check-in", phases=[{"every": "P1W"}])
    patient = practice.patient()
    practice.contact(patient)
    practice.course(patient, weekly, START)
    practice.run_until(datetime(2026, 1, 12, 15, tzinfo=UTC))
    with writing(practice.engine) as session:
        said = replies.answer(session, visit(practice, session), choice="no", text="", now=practice.clock())
    assert said == "no_problem"
    assert [row.type for row in practice.rows(CourseEvent)] == [EventType.ANSWERED]
    assert practice.items[0].class_ is Class.ON_TIME


@pytest.fixture
def booked(practice: Practice) -> UUID:
    """Somebody with a visit on 7 April who has read its first reminder."""
    found = practice.patient()
    practice.contact(found)
    course = practice.course(found, a_protocol(kind="visit", phases=[{"every": "P3M"}]), START)
    practice.clock.wind(datetime(2026, 3, 2, 15, tzinfo=UTC))
    at = {"course_id": course, "on": date(2026, 3, 2), "type": "booked", "at_local": "2026-04-07T14:30"}
    practice.learn(found, events=[at])
    practice.run_until(datetime(2026, 3, 31, 14, tzinfo=UTC))
    return found


@pytest.mark.parametrize(
    ("choice", "answer", "asked", "stays"),
    [
        ("confirm", "confirmed", [], True),
        ("move", "moved", ["appointment-move"], True),
        ("cancel", "cancelled", ["appointment-cancelled"], False),
        ("dance", "not_open", [], True),
    ],
)
def test_an_appointment_is_confirmed_cancelled_or_to_be_moved(
    practice: Practice, booked: UUID, choice: str, answer: str, asked: list[str], stays: bool
) -> None:
    with writing(practice.engine) as session:
        who = visit(practice, session)
        said = replies.attend(
            session, who, item_of(practice), choice=choice, wish="Fridays", now=practice.clock()
        )
    assert said == answer
    assert [row.kind for row in practice.work if row.kind.startswith("appointment-")] == asked
    assert [row.appointment is not None for row in practice.items if row.class_ is None] == [stays]


def test_wrong_birth_dates_lock_the_page_and_a_person_hears(practice: Practice, patient: UUID) -> None:
    for _ in range(visitors.MOST_WRONG + 3):
        with writing(practice.engine) as session:
            replies.guessed(session, visit(practice, session), now=practice.clock())
    assert len(practice.rows(Reply)) == visitors.MOST_WRONG
    assert work(practice, "birth-date-guessed") == [("24h", "coordinator", "open")]
    with reading(practice.engine) as session:
        who = visit(practice, session)
        assert visitors.is_locked(session, who, now=practice.clock())
        assert not visitors.is_locked(session, who, now=practice.clock() + visitors.WITHIN)


def test_every_act_is_in_the_audit(practice: Practice, patient: UUID) -> None:
    say_done(practice)
    with writing(practice.engine) as session:
        visitors.read(session, visit(practice, session), now=practice.clock())
    entries = [(row.actor, row.action, row.subject) for row in practice.rows(AuditEntry)]
    by = visitors.ACTOR
    assert entries == [(by, "told done", "patient"), (by, "page read", "patient")]


def test_a_link_is_good_for_ninety_days(practice: Practice, patient: UUID) -> None:
    [message] = [row for row in practice.messages if row.accepted_at]
    with reading(practice.engine) as session:
        assert visitors.find(session, message.id, now=message.created_at + visitors.GOOD_FOR)
        late = message.created_at + visitors.GOOD_FOR + timedelta(seconds=1)
        assert visitors.find(session, message.id, now=late) is None
