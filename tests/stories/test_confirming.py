"""H53: an address of which nothing was said for 180 days is asked about, for it may be a stranger's."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from db import work_items
from db.engine import writing
from db.tables import Contact
from schedules import library
from service.flows import confirming, contacts
from service.flows.nightly import Nightly
from tests.stories.conftest import Practice

PROTOCOL = library.protocol("azathioprine-us-label")


@pytest.fixture
def patient(practice: Practice) -> UUID:
    """Answered for on 5 January 2026, on the medicine from that day."""
    found = practice.patient()
    practice.contact(found)
    practice.course(found, PROTOCOL, date(2026, 1, 5))
    return found


def asked(practice: Practice) -> list[Any]:
    return [row for row in practice.work if row.kind == confirming.KIND]


def after(practice: Practice, days: float) -> int:
    practice.clock.wind(datetime(2026, 1, 5, tzinfo=UTC) + timedelta(days=days))
    return confirming.tick(practice.engine, now=practice.clock())


def confirm(practice: Practice, contact: UUID, *, given: bool = True) -> None:
    said = {"given": given, "at": practice.clock(), "source": "telephone", "wording": ""}
    with writing(practice.engine) as session:
        contacts.answer(session, (practice.clinic_id, contact), said, by="Kim", now=practice.clock())


def test_H53_an_address_is_asked_about_after_180_days_and_once(practice: Practice, patient: UUID) -> None:
    assert after(practice, 179.9) == 0
    assert after(practice, 180) == 1
    assert after(practice, 181) == 0
    [row] = asked(practice)
    assert (row.level, row.role.value, row.patient_id) == ("routine", "coordinator", patient)
    assert row.about.startswith("Nothing was said of an address since 2026-01-05: ask")


def test_H53_every_address_must_be_answered_for_and_then_it_begins_again(
    practice: Practice, patient: UUID
) -> None:
    practice.contact(patient, audience="carer")
    first, second = [row.id for row in practice.rows(Contact)]
    after(practice, 180)
    confirm(practice, first)
    assert [row.state.value for row in asked(practice)] == ["open"]
    confirm(practice, second)
    assert [(row.state.value, row.outcome) for row in asked(practice)] == [("done", confirming.CONFIRMED)]
    assert after(practice, 359.9) == 0
    assert after(practice, 360) == 1


def test_H53_who_is_finished_with_no_answer_is_asked_about_half_a_year_later(
    practice: Practice, patient: UUID
) -> None:
    after(practice, 180)
    with writing(practice.engine) as session:
        work_items.finish(
            session, [(practice.clinic_id, asked(practice)[0].key)], outcome="other", now=practice.clock()
        )
    assert after(practice, 359) == 0
    assert after(practice, 360) == 1


def test_nobody_asks_about_what_is_not_used(practice: Practice, patient: UUID) -> None:
    """Of who is on no medicine, of an address that was refused, of one that is bad."""
    other = practice.patient()
    practice.contact(other)
    [contact, *_] = [row.id for row in practice.rows(Contact) if row.patient_id == patient]
    practice.clock.wind(practice.clock() + timedelta(days=1))
    confirm(practice, contact, given=False)
    assert after(practice, 400) == 0
    confirm(practice, contact)
    assert after(practice, 600) == 1


def test_the_nightly_round_asks_for_all_of_them_in_batches(
    practice: Practice, patient: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        other = practice.patient()
        practice.contact(other)
        practice.course(other, PROTOCOL, date(2026, 1, 5))
    monkeypatch.setattr(confirming, "BATCH", 2)
    practice.clock.wind(practice.clock() + timedelta(days=180, hours=1))
    nightly = Nightly(practice.engine)
    nightly.tick(now=practice.clock())
    assert len(asked(practice)) == 3
    later = practice.patient()
    practice.contact(later)
    practice.course(later, PROTOCOL, date(2026, 1, 5))
    nightly.tick(now=practice.clock())
    assert len(asked(practice)) == 3
