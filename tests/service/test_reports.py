"""Adherence of two clinics in ten weeks, counted by hand."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches
from db.engine import writing
from db.tables import Clinic, Result
from db.types import new_id
from schedules import protocol as protocols
from schedules.adherence import Measure
from schedules.protocol import Protocol
from service.clock import WoundClock
from service.errors import Refused
from service.flows import figures, reports
from service.flows.reports import Question, Report
from tests.stories.conftest import Practice

START = date(2026, 1, 5)  # so the first count is due on 2 February and on time to the 9th
WEEKLY_QUESTION = {"id": "questions", "kind": "check-in", "phases": [{"every": "P1W"}]}


def a_protocol(*more: dict[str, Any], name: str = "four-weekly", **phase: Any) -> Protocol:
    phase = phase or {"every": "P4W"}
    count = {"id": "count", "kind": "test", "panel": ["wbc"], "phases": [phase]}
    return protocols.build(
        {
            "id": name,
            "version": 1,
            "title": "A count every four weeks",
            "medicine": {"name": "azathioprine" if name == "four-weekly" else "methotrexate"},
            "source": {"title": "A test", "evidence": "product-choice"},
            "clocks": [count, *more],
        }
    )


@dataclass
class Town:
    """Elm Street: Ada, two days late in February; Ben, who never comes; Cal, held; Dee, attested.

    Oak Lane: Eve, on time, whose protocol plans no more; Fay, whose check-ins are half answered.
    """

    elm: Practice
    oak: Practice
    people: dict[str, UUID]
    courses: dict[str, UUID]

    @property
    def engine(self) -> Engine:
        return self.elm.engine

    @property
    def now(self) -> datetime:
        return self.elm.clock()

    def wind(self, day: date) -> None:
        """To noon in New York, day by day."""
        while self.now.date() < day:
            self.elm.run_until(self.now + timedelta(days=1))

    def event(self, name: str, on: date, kind: str, **columns: Any) -> None:
        practice = self.elm if name in ("Ada", "Ben", "Cal", "Dee") else self.oak
        happened = {"course_id": self.courses[name], "on": on, "type": kind} | columns
        practice.learn(self.people[name], events=[happened])

    def report(self, **question: Any) -> Report:
        return reports.adherence(self.engine, Question(**question), now=self.now)


@pytest.fixture
def town(engine: Engine) -> Town:
    elm = Practice(engine, WoundClock(datetime(2026, 1, 5, 17, tzinfo=UTC)))
    oak = Practice(engine, elm.clock, clinic_id=new_id())
    elm.open("America/New_York")
    called = {"name": "Oak Lane", "phone": "+1 202-555-0100", "emergency_number": "911"}
    row = called | {"id": oak.clinic_id, "time_zone": "America/New_York", "created_at": elm.clock()}
    with writing(engine) as session:
        batches.insert(session, Clinic, [row])
    town = Town(elm, oak, {}, {})
    last = a_protocol(name="one-count", offsets=["P4W"], then="end", reason="No more is planned.")
    asked = a_protocol(WEEKLY_QUESTION, name="with-questions")
    for practice, names, protocol in (
        (elm, ("Ada", "Ben", "Cal", "Dee"), a_protocol()),
        (oak, ("Eve",), last),
        (oak, ("Fay",), asked),
    ):
        for name in names:
            town.people[name] = practice.patient(name=f"{name} Invented", mrn=f"={name}+1")
            practice.contact(town.people[name])
            town.courses[name] = practice.course(town.people[name], protocol, START)
    return town


@pytest.fixture
def february(town: Town) -> Town:
    """To noon of the 17th."""
    town.wind(date(2026, 1, 14))
    town.event("Fay", date(2026, 1, 14), "answered", clock="questions")
    town.wind(date(2026, 1, 20))
    town.event("Cal", date(2026, 1, 20), "hold", reason="planned", review_on=date(2026, 2, 10))
    town.wind(date(2026, 2, 2))
    for practice, name in ((town.oak, "Eve"), (town.oak, "Fay")):
        practice.draw(town.people[name], date(2026, 2, 2), {"wbc"}, wbc=5)
    town.wind(date(2026, 2, 4))
    town.elm.draw(town.people["Ada"], date(2026, 2, 4), {"wbc"}, wbc=5)
    town.wind(date(2026, 2, 5))
    town.event("Dee", date(2026, 2, 5), "attested", decided_by="Grace Invented", reason="Seen on paper.")
    town.wind(date(2026, 2, 17))
    return town


def counted(measure: Measure) -> tuple[int, int]:
    return measure.numerator, measure.denominator


def test_only_what_was_answered_or_is_overdue_is_in_the_rate(february: Town) -> None:
    elm = february.report().groups["Elm Street"]
    assert dict(elm.on_time.parts) == {"on-time": 1, "late": 0, "missed": 0, "open-and-overdue": 1}
    assert dict(elm.on_time.excluded) == {"attested": 1, "held": 1}
    assert counted(elm.without_grace) == (0, 2)
    assert dict(elm.grace) == {7: 4}


def test_the_days_of_a_hold_are_in_neither_part(february: Town) -> None:
    elm = february.report().groups["Elm Street"]
    # Ada, Ben and Dee from 2 to 17 February; Ben is overdue from the 10th.
    assert counted(elm.days_in_date) == (3 * 16 - 8, 3 * 16)
    assert dict(elm.days_in_date.excluded) == {"held": 16}


def test_lateness_is_of_those_who_came(february: Town) -> None:
    report = february.report()
    assert report.groups["Elm Street"].lateness.quartiles == (2, 2, 2)
    assert report.groups["Oak Lane"].lateness.quartiles == (0, 0, 0)
    assert counted(report.total.lateness.very_late) == (0, 3)


def test_who_has_nothing_planned_is_named_by_number(february: Town) -> None:
    report = february.report()
    assert counted(report.groups["Elm Street"].coverage) == (4, 4)
    assert counted(report.groups["Oak Lane"].coverage) == (1, 2)
    assert figures.numbers_of(report, report.total.coverage) == [("Oak Lane", "=Eve+1")]


def test_who_stopped_is_no_longer_on_the_medicine(february: Town) -> None:
    february.event("Eve", date(2026, 2, 17), "stop", reason="remission", decided_by="Grace Invented")
    assert counted(february.report().groups["Oak Lane"].coverage) == (1, 1)


def test_a_reminder_is_held_against_the_test_of_its_item(february: Town) -> None:
    reminders = february.report().total.reminders
    # On 26 January and 1 February. Eve and Fay came on the 2nd, Ada on the 4th, Dee on the 5th; Cal was held.
    assert counted(reminders["patient/week-before"]) == (2, 5)
    assert counted(reminders["patient/day-before"]) == (4, 5)
    assert dict(reminders["patient/overdue-week"].parts)["7-days-not-over"] == 1
    assert "coordinator/overdue-coordinator" in reminders


def test_check_ins_are_counted_where_there_are_any(february: Town) -> None:
    report = february.report()
    assert report.groups["Elm Street"].check_ins.rate is None
    # Asked weekly from 12 January to 16 February; only the first was answered.
    assert counted(report.groups["Oak Lane"].check_ins) == (1, 6)


def test_the_parts_add_up_to_the_whole(february: Town) -> None:
    report = february.report()
    one, other = report.groups.values()
    assert one + other == report.total
    assert counted(report.total.on_time) == (3, 4)


def test_a_clinic_a_medicine_or_a_protocol_alone(february: Town) -> None:
    assert list(february.report(clinic="Oak Lane").groups) == ["Oak Lane"]
    assert counted(february.report(clinic="Oak Lane").total.on_time) == (2, 2)
    assert counted(february.report(medicine="azathioprine").total.on_time) == (1, 2)
    assert counted(february.report(protocol="one-count").total.on_time) == (1, 1)
    assert february.report(protocol="another").total.on_time.rate is None


def test_both_edges_of_the_period_are_in_it(february: Town) -> None:
    last_day_on_time = date(2026, 2, 9)
    day = timedelta(days=1)
    for first, last, denominator in (
        (last_day_on_time, last_day_on_time, 4),
        (last_day_on_time + day, last_day_on_time + 2 * day, 0),
        (last_day_on_time - 2 * day, last_day_on_time - day, 0),
    ):
        assert february.report(first=first, last=last).total.on_time.denominator == denominator
    in_two_days = february.report(clinic="Elm Street", first=last_day_on_time, last=last_day_on_time + day)
    assert counted(in_two_days.total.days_in_date) == (5, 6)


def test_without_patients_there_is_no_data(engine: Engine) -> None:
    report = reports.adherence(engine, Question(), now=datetime(2026, 2, 20, tzinfo=UTC))
    assert report.groups == {}
    assert report.total.on_time.rate is None
    assert report.total.lateness.quartiles is None


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"clinic": "Ash Grove"}, "no clinic of that name"),
        ({"first": date(2026, 2, 21)}, "--from 2026-02-21 is after"),
        ({"as_of": datetime(2026, 2, 21, tzinfo=UTC)}, "in the future"),
    ],
)
def test_a_question_that_cannot_be_is_refused(town: Town, question: dict[str, Any], reason: str) -> None:
    town.elm.clock.wind(datetime(2026, 2, 20, 17, tzinfo=UTC))
    with pytest.raises(Refused, match=reason):
        town.report(**question)


# ---- as of a past moment


def same(one: Report, other: Report) -> bool:
    return (one.period, one.groups, one.total) == (other.period, other.groups, other.total)


def test_what_is_written_down_is_what_follows_from_what_is_known(february: Town) -> None:
    assert same(february.report(as_of=february.now), february.report())


def test_as_of_a_past_moment_the_numbers_are_the_same_for_ever(february: Town) -> None:
    then, moment = february.report(), february.now
    february.wind(date(2026, 3, 3))
    february.event("Ben", date(2026, 2, 1), "hold", reason="planned")  # told late
    february.elm.draw(february.people["Ada"], date(2026, 2, 4), {"wbc"}, wbc=4)  # corrected
    february.elm.draw(february.people["Dee"], date(2026, 2, 3), {"wbc"}, wbc=4)  # arrived late
    take_back(february, "Eve")
    assert not same(february.report(last=moment.date()), then)
    assert same(february.report(as_of=moment), then)


def test_a_clinic_that_came_later_is_not_in_it(february: Town) -> None:
    before = datetime(2026, 1, 5, 16, tzinfo=UTC)
    assert february.report(as_of=before).groups == {}
    assert february.report(as_of=before).total.courses == 0


def take_back(town: Town, name: str) -> None:
    """A result was another patient's: it is marked, and the courses are planned again."""
    results = batches.table(Result)
    with writing(town.engine) as session:
        theirs = results.c.patient_id == town.people[name]
        session.execute(sa.update(results).where(theirs).values(voided_at=town.now))
    town.oak.plan(town.courses[name])
