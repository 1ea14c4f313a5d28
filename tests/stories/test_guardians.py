"""A guardian is told of a child's tests until the child is an adult, and no message longer."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from db.tables import Consent
from schedules import library
from service.flows import guardians
from tests.stories.conftest import Practice

PROTOCOL = library.protocol("azathioprine-us-label")


def child(practice: Practice, born: date) -> UUID:
    found = practice.patient(birth_date=born)
    practice.contact(found)
    practice.contact(found, audience="carer")
    practice.course(found, PROTOCOL, date(2026, 1, 5))
    return found


def days_told(practice: Practice, audience: str) -> list[date]:
    return [
        row.accepted_at.date()
        for row in practice.messages
        if row.accepted_at is not None and row.audience.value == audience
    ]


@pytest.mark.parametrize(
    ("born", "birthday"),
    [(date(2008, 2, 10), date(2026, 2, 10)), (date(2008, 2, 29), date(2026, 2, 28))],
    ids=["a birthday", "a leap day"],
)
def test_H56_at_18_nothing_more_goes_to_the_guardian(practice: Practice, born: date, birthday: date) -> None:
    child(practice, born)
    day = datetime(2026, 1, 5, 6, tzinfo=UTC)
    while day < datetime(2026, 4, 20, tzinfo=UTC):
        practice.run_until(day)
        day += timedelta(days=1)
    guardian, patient = days_told(practice, "carer"), days_told(practice, "patient")
    assert guardian
    assert max(guardian) < birthday < max(patient)
    given = [(row.given, row.source, row.at.date()) for row in practice.rows(Consent, "at", "id")][-1]
    assert given == (False, "age", birthday)
    notices = [row for row in practice.work if row.kind == "guardian-ends"]
    assert [(row.level, row.role.value, row.raised) for row in notices] == [("24h", "coordinator", 1)]


def test_H56_the_notice_comes_90_days_before_and_once(practice: Practice) -> None:
    child(practice, date(2008, 5, 1))
    seen = []
    for days in range(0, 60):
        practice.clock.wind(datetime(2026, 1, 5, 12, tzinfo=UTC) + timedelta(days=days))
        if guardians.tick(practice.engine, now=practice.clock()):
            seen.append(practice.clock().date())
    assert seen == [date(2026, 1, 31)]


def test_H56_a_carer_of_an_adult_stays(practice: Practice) -> None:
    child(practice, date(1980, 1, 1))
    practice.run_until(datetime(2026, 3, 1, tzinfo=UTC))
    assert guardians.tick(practice.engine, now=practice.clock()) == 0
    assert all(row.given for row in practice.rows(Consent))
