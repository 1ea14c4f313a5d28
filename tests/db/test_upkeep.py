from datetime import timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from db import attempts, audit, clinics, contacts, heartbeats
from db.attempts import Ending
from db.engine import reading, writing
from db.tables import AttemptState, Audience, AuditEntry, Channel, Consent, Contact
from tests.conftest import refuse_homes_of_root
from tests.db.conftest import NOW, House

LATER = NOW + timedelta(seconds=5)


def test_a_loop_has_one_heartbeat_per_process(house: House) -> None:
    with writing(house.engine) as session:
        heartbeats.beat(session, "send", "a", now=NOW, tzdata="2026.6", oldest_due_at=NOW)
        heartbeats.beat(session, "send", "a", now=LATER, tzdata="2026.6")
        heartbeats.beat(session, "send", "b", now=NOW, tzdata="2026.6")
    with reading(house.engine) as session:
        found = [(beat.process, beat.at, beat.oldest_due_at) for beat in heartbeats.every(session)]
    assert found == [("a", LATER, None), ("b", NOW, None)]


def test_a_call_is_on_record_before_it_is_made_and_ends_once(house: House) -> None:
    keys = [(house.clinic_id, house.message()) for _ in range(2)]
    started = [
        {"clinic_id": clinic_id, "message_id": id_, "number": 1, "channel": "outbox", "started_at": NOW}
        for clinic_id, id_ in keys
    ]
    with writing(house.engine) as session:
        ids = [row["id"] for row in attempts.start(session, started)]

    def end(state: AttemptState) -> int:
        endings = [Ending(clinic_id=house.clinic_id, id=id_, state=state) for id_ in ids]
        with writing(house.engine) as session:
            return attempts.end(session, endings, now=LATER)

    assert [end(state) for state in (AttemptState.UNKNOWN, AttemptState.ACCEPTED, AttemptState.REJECTED)] == [
        2,
        2,
        0,
    ]
    with reading(house.engine) as session:
        [found] = attempts.of_messages(session, keys)[keys[0][1]]
    assert (found.state, found.started_at, found.ended_at) == (AttemptState.ACCEPTED, NOW, LATER)


def test_the_newest_consent_counts(house: House) -> None:
    contact_id = house.add(
        Contact, patient_id=house.patient_id, audience="patient", channel="sms", address="+12025550100"
    )
    house.add(
        Contact,
        patient_id=house.patient_id,
        audience="carer",
        channel="sms",
        address="+12025550101",
        voided_at=NOW,
    )
    said = {
        "patient_id": house.patient_id,
        "purpose": "reminders",
        "channel": "sms",
        "source": "form",
        "wording": "v1",
    }
    house.add(Consent, **said, given=False, at=LATER)
    house.add(Consent, **said, given=True, at=NOW)
    house.add(Consent, **said, given=True, at=LATER, voided_at=LATER)
    with reading(house.engine) as session:
        [contact] = contacts.of_patients(session, [house.patient])[house.patient_id]
        [consent] = contacts.consents(session, [house.patient])[house.patient_id]
    assert (contact.id, contact.channel) == (contact_id, Channel.SMS)
    assert consent.given is False


@pytest.mark.parametrize(
    ("bad", "for_channel", "for_contact", "reaches"),
    [
        (False, None, None, False),
        (False, True, None, True),
        (False, True, False, False),
        (False, False, True, True),
        (True, True, True, False),
    ],
)
def test_who_consented_on_a_contact_that_works_is_reachable(
    house: House, bad: bool, for_channel: bool | None, for_contact: bool | None, reaches: bool
) -> None:
    columns = {"patient_id": house.patient_id, "channel": "sms"}
    contact_id = house.add(
        Contact, **columns, audience="patient", address="+12025550100", bad_since=NOW if bad else None
    )
    said = columns | {"purpose": "reminders", "source": "form", "wording": "v1"}
    if for_channel is not None:
        house.add(Consent, **said, given=for_channel, at=NOW)
    if for_contact is not None:
        house.add(Consent, **said, given=for_contact, at=LATER, contact_id=contact_id)
    with reading(house.engine) as session:
        found = contacts.reachable(session, [house.patient])
    assert [row.id for row in found[house.patient_id, Audience.PATIENT]] == [contact_id] * reaches
    assert found[house.patient_id, Audience.CARER] == []


def test_who_did_what_is_kept(house: House) -> None:
    subject = ("course", str(house.course_id))
    with writing(house.engine) as session:
        audit.record(session, house.clinic_id, "Kim Invented", "held", subject=subject, now=NOW)
    with reading(house.engine) as session:
        entry = session.exec(select(AuditEntry)).one()
        assert [clinic.name for clinic in clinics.every(session)] == ["Elm Street"]
        assert clinics.by_name(session, "Oak Street") is None
    assert (entry.actor, entry.action, entry.subject, entry.subject_id) == ("Kim Invented", "held", *subject)


def test_the_tests_never_open_the_home_of_root() -> None:
    with pytest.raises(pytest.fail.Exception, match="TMPDIR"):
        refuse_homes_of_root(0, Path("/usr"), Path("/root", "tmp"))
    refuse_homes_of_root(0, Path("/usr"), Path("/tmp"))
    refuse_homes_of_root(1000, Path("/root", "venv"))
