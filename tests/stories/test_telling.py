"""What a patient reports by themselves: each has its consequence, and only a clinician stops anything."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db.engine import reading, writing
from db.tables import Consent, Contact, CourseEvent, PatientReport
from schedules import consequences, library
from schedules.consequences import Consequence
from schedules.limits import LEVELS
from service.errors import Problem
from service.flows import decisions, reminders, replies, telling, visitors
from service.flows.decisions import Decision
from tests.stories.conftest import Practice

PROTOCOL = library.protocol("azathioprine-us-label")
NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)
EVERY = [(report, choice) for report in consequences.reports().values() for choice in report.choices]


@pytest.fixture
def patient(practice: Practice) -> UUID:
    """Somebody who got the first reminder."""
    found = practice.patient()
    practice.contact(found)
    practice.course(found, PROTOCOL, date(2026, 1, 5))
    practice.clock.wind(NINE)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    return found


def visit(practice: Practice, session: Any, audience: str = "patient") -> visitors.Visitor:
    said = [row for row in practice.messages if row.accepted_at and row.audience.value == audience]
    found = visitors.find(session, said[0].id, now=practice.clock())
    assert found is not None
    return found


def tell(practice: Practice, kind: str, choice: str, on: str = "", text: str = "") -> Consequence:
    form = {"kind": kind, "choice": choice, "on": on, "text": text}
    with writing(practice.engine) as session:
        found = telling.tell(session, visit(practice, session), telling.read(form), now=practice.clock())
    assert found is not None
    return found


def sent(practice: Practice) -> int:
    return sum(row.accepted_at is not None and row.channel.value == "outbox" for row in practice.messages)


@pytest.mark.parametrize(("report", "choice"), EVERY, ids=lambda each: each.id)
def test_each_report_has_its_level_its_person_and_its_proposal(
    practice: Practice, patient: UUID, report: consequences.Report, choice: consequences.Matter
) -> None:
    found = tell(practice, report.id, choice.id, on="2026-01-10")
    assert (found.level, found.proposes) == (choice.level, choice.proposes)
    assert [(row.kind, row.level, row.role.value) for row in practice.work] == [
        (report.work, choice.level, report.role)
    ]
    [row] = practice.rows(PatientReport)
    assert (row.kind, row.choice, row.on, row.accepted) == (report.id, choice.id, date(2026, 1, 10), None)
    assert practice.rows(CourseEvent) == [], "nothing is stopped, paused or changed"


def test_i_stopped_is_for_the_same_day_whatever_the_reason() -> None:
    report = consequences.reports()["stopped"]
    assert {(choice.level, choice.proposes) for choice in report.choices} == {("same-day", "stop")}


@pytest.mark.parametrize(
    ("on", "level"),
    [("2026-01-10", "24h"), ("2026-01-07", "24h"), ("2026-01-06", "same-day"), ("", "same-day")],
)
def test_a_contact_is_urgent_before_the_day_on_which_treatment_begins(
    practice: Practice, patient: UUID, on: str, level: str
) -> None:
    assert tell(practice, "contact", "chickenpox", on=on).level == level


@pytest.mark.parametrize(
    ("text", "level", "word"),
    [
        ("Allopurinol 100 mg", "same-day", "Allopurinol"),
        ("co-trimoxazole", "24h", "azathioprine"),
        ("something from the shop", "24h", "in words"),
    ],
)
def test_a_new_medicine_is_looked_up_beside_the_patients_own(
    practice: Practice, patient: UUID, text: str, level: str, word: str
) -> None:
    found = tell(practice, "medicine", "medicine", text=text)
    assert found.level == level
    assert any(word.casefold() in reason.casefold() for reason in found.reasons)


@pytest.mark.parametrize("choice", ["", "none of them", "x" * 900, "<b>\0"])
def test_H50_what_is_no_answer_is_a_persons_the_same_day(
    practice: Practice, patient: UUID, choice: str
) -> None:
    assert tell(practice, "pregnancy", choice).level == "same-day"
    assert len(practice.work) == 1


def test_H50_words_in_a_report_only_raise(practice: Practice, patient: UUID) -> None:
    plain = tell(practice, "doses", "missed-some")
    assert plain.level == "routine"
    assert tell(practice, "doses", "missed-some", text="on holiday").level == "24h"
    assert tell(practice, "doses", "missed-some", text="me falta el aire").level == "same-day"
    assert tell(practice, "doses", "missed-some", on="last week").level == "24h"
    assert LEVELS.index(tell(practice, "reaction", "swelling-or-breathing", text="fine").level) == 3


def test_a_proposal_becomes_an_event_when_a_clinician_accepts_it(practice: Practice, patient: UUID) -> None:
    tell(practice, "stopped", "side-effects", on="2026-01-10")
    [row], [item] = practice.rows(PatientReport), practice.items[-1:]
    key, now = (practice.clinic_id, row.id), practice.clock()
    yes = Decision(accept=True, text="Agreed with her.", course_id=item.course_id)
    with pytest.raises(Problem, match="not valid"), writing(practice.engine) as session:
        decisions.decide(session, key, Decision(accept=True, text="Agreed."), by="Dr Kim", now=now)
    assert practice.rows(PatientReport)[0].accepted is None, "nothing of it is kept"
    with writing(practice.engine) as session:
        found = decisions.decide(session, key, yes, by="Dr Kim", now=now)
    assert (found.row.accepted, found.row.decided_by) == (True, "Dr Kim")
    events = [(row.type.value, row.on, row.decided_by) for row in practice.rows(CourseEvent)]
    assert events == [("stop", date(2026, 1, 10), "Dr Kim")]
    with pytest.raises(Problem, match="Dr Kim has decided"), writing(practice.engine) as session:
        decisions.decide(session, key, yes, by="Dr Lee", now=now)
    assert [row.state.value for row in practice.work if row.kind == "stop-told"] == ["open"]


def test_a_declined_proposal_changes_nothing(practice: Practice, patient: UUID) -> None:
    tell(practice, "reaction", "widespread")
    [row] = practice.rows(PatientReport)
    no = Decision(accept=False, text="A rash from a plant.")
    with writing(practice.engine) as session:
        decisions.decide(session, (practice.clinic_id, row.id), no, by="Dr Kim", now=practice.clock())
    assert practice.rows(CourseEvent) == []


def test_H53_wrong_number_ends_what_goes_there_and_asks_a_person(practice: Practice, patient: UUID) -> None:
    other = practice.contact(practice.patient(mrn="of another"))
    with writing(practice.engine) as session:
        assert telling.disown(session, visit(practice, session), now=practice.clock()) == "disowned"
    assert [(row.kind, row.level) for row in practice.work] == [("wrong-number", "24h")]
    bad = {row.id: row.bad_since is not None for row in practice.rows(Contact)}
    assert (bad.pop(other), *bad.values()) == (False, True)
    before = sent(practice)
    practice.run_until(NINE + timedelta(days=60))
    assert sent(practice) == before
    assert "unreachable" in {row.kind for row in practice.work}


def test_H53_what_comes_by_a_disowned_link_is_no_answer(practice: Practice, patient: UUID) -> None:
    with writing(practice.engine) as session:
        telling.disown(session, visit(practice, session), now=practice.clock())
        found = visit(practice, session)
        assert (found.disowned, found.may_open) == (True, False)
        telling.disown(session, found, now=practice.clock())
        telling.start(session, found, now=practice.clock())
    assert [row.kind for row in practice.rows(PatientReport)] == ["wrong-number"]
    assert [row.given for row in practice.rows(Consent)] == [True]


STATES = {
    "before the first": timedelta(0),
    "one waits": timedelta(hours=2),
    "overdue": timedelta(days=3),
    "lapsed": timedelta(days=40),
}


@pytest.mark.parametrize("after", STATES.values(), ids=STATES)
def test_H54_after_stop_nothing_is_sent_until_start_and_then_it_is(
    practice: Practice, patient: UUID, after: timedelta
) -> None:
    practice.run_until(NINE + after)
    now = practice.clock()
    with writing(practice.engine) as session:
        replies.stop(session, visit(practice, session), now=now)
    before = sent(practice)
    practice.run_until(now + timedelta(days=30))
    assert sent(practice) == before
    with writing(practice.engine) as session:
        who = visit(practice, session)
        assert who.stopped
        assert telling.start(session, who, now=practice.clock()) == "started"
        assert not visit(practice, session).stopped
    practice.run_until(now + timedelta(days=70))
    assert sent(practice) > before
    assert "messages-started-again" in {row.kind for row in practice.work}


def test_H54_start_opens_only_what_the_page_closed(practice: Practice, patient: UUID) -> None:
    [contact] = practice.rows(Contact)
    practice.withdraw_consent(patient, contact.id)
    with writing(practice.engine) as session:
        assert telling.start(session, visit(practice, session), now=practice.clock()) == "started"
    assert [row.given for row in practice.rows(Consent, "at", "id")] == [True, False]
    assert practice.rows(PatientReport) == []
    with reading(practice.engine) as session:
        assert not visit(practice, session).stopped
