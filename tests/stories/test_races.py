"""Things that happen at the same moment: nothing is lost or said twice, one bad row is one bad row."""

import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from db import batches
from db.engine import writing
from db.tables import Attempt, Channel, Clinic, Contact
from schedules import library
from service.channels import BLIND, Accepted, Answer, Letter, Rejected, Unknown
from service.flows import outcomes, reminders, settling

START = date(2026, 1, 5)
PROTOCOL = library.protocol("azathioprine-us-label")
PANEL = set(PROTOCOL.clocks[0].components)
NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)  # the first reminder, 09:00 in New York


class Fake:
    """A channel that does what a test wants in the middle of a call, and keeps what it was given."""

    capabilities = BLIND

    def __init__(self, answer: Callable[[Letter], Answer] = lambda letter: Accepted()) -> None:
        self.answer, self.letters = answer, list[Letter]()

    def send(self, letter: Letter) -> Answer:
        self.letters.append(letter)
        return self.answer(letter)


def someone(practice: Any, **columns: Any) -> UUID:
    patient: UUID = practice.patient(**columns)
    practice.contact(patient)
    practice.course(patient, PROTOCOL, START)
    return patient


def to_patients(practice: Any, fake: Fake) -> None:
    practice.channels = dict(practice.channels) | {Channel.OUTBOX: fake}


def tick(practice: Any, at: datetime | None = None) -> int:
    practice.clock.wind(at or practice.clock())
    return reminders.tick(practice.engine, practice.clock, practice.channels)


def states(practice: Any, **where: Any) -> Counter[str]:
    rows = [row for row in practice.reminders if all(getattr(row, k) == v for k, v in where.items())]
    return Counter(row.state.value for row in rows)


def test_a_result_during_the_send_ends_the_ladder(practice: Any) -> None:
    patient = someone(practice)
    to_patients(practice, Fake(lambda letter: practice.draw(patient, date(2026, 1, 11), PANEL) or Accepted()))
    tick(practice, NINE)
    first, second = practice.items
    assert (first.class_.value, second.class_) == ("on-time", None)
    assert [r.state.value for r in practice.reminders if r.item_id == first.id and r.track == "patient"] == [
        "sent"
    ]
    assert states(practice, item_id=first.id)["waiting"] == 0
    assert states(practice, item_id=second.id) == {"waiting": 3}


def test_who_lost_its_lease_settles_nothing(practice: Any) -> None:
    someone(practice)
    other = Fake()

    def too_slow(letter: Letter) -> Answer:
        practice.clock.wind(practice.clock() + reminders.LEASE)
        reminders.tick(practice.engine, practice.clock, dict(practice.channels) | {Channel.OUTBOX: other})
        return Accepted()

    slow = Fake(too_slow)
    to_patients(practice, slow)
    tick(practice, NINE)
    assert [letter.key for letter in slow.letters] == [letter.key for letter in other.letters]
    assert sorted(row.state.value for row in practice.rows(Attempt)) == ["accepted", "unknown"]
    assert states(practice, track="patient") == {"sent": 1, "waiting": 1}


def test_a_message_that_cannot_be_written_stops_no_other(practice: Any) -> None:
    bad, good = someone(practice, wording="blood-test"), someone(practice)
    fake = Fake()
    to_patients(practice, fake)
    with pytest.MonkeyPatch.context() as patch:
        whole = outcomes.wording.render
        patch.setattr(
            outcomes.wording,
            "render",
            lambda *given, **more: 1 / 0 if more["wording"] == "blood-test" else whole(*given, **more),
        )
        for turn in range(reminders.MOST_ATTEMPTS):
            tick(practice, NINE + turn * reminders.RETRY)
    assert states(practice, patient_id=good, track="patient")["sent"] == 1
    assert states(practice, patient_id=bad, track="patient") == {"suppressed": 1, "waiting": 1}
    assert [(work.kind, work.patient_id) for work in practice.work] == [("undeliverable", bad)]
    assert len(fake.letters) == 1


def test_a_clinic_that_cannot_be_called_sends_nothing_and_a_person_hears_of_it(practice: Any) -> None:
    with writing(practice.engine) as session:
        session.execute(batches.table(Clinic).update().values(phone=""))
    someone(practice)
    fake = Fake()
    to_patients(practice, fake)
    tick(practice, NINE)
    tick(practice, NINE + timedelta(days=1))
    [alarm] = fake.letters  # to the staff
    assert [row.message_id for row in practice.rows(Attempt)] == [alarm.key]
    assert "the clinic has no phone or emergency number" in alarm.body
    [work] = practice.work
    assert (work.kind, work.role, work.raised) == ("clinic-cannot-be-called", "coordinator", 2)
    assert states(practice, track="patient") == {"waiting": 1}
    with writing(practice.engine) as session:
        session.execute(batches.table(Clinic).update().values(phone="+1 202-555-0100"))
    tick(practice, NINE + timedelta(days=2))
    assert len(fake.letters) == 2


def test_a_channel_that_never_works_leaves_the_ladder_going(practice: Any) -> None:
    someone(practice)
    fake = Fake(lambda letter: Rejected("no such number", permanent=True))
    to_patients(practice, fake)
    tick(practice, NINE)
    assert states(practice, track="patient") == {"suppressed": 1, "waiting": 1}
    assert [work.kind for work in practice.work] == ["undeliverable"]
    tick(practice, NINE + timedelta(days=1))
    assert len(fake.letters) == 2
    assert [work.raised for work in practice.work] == [2]


def test_an_unknown_outcome_is_tried_again_with_the_same_key(practice: Any) -> None:
    someone(practice)
    answers: list[Answer] = [Unknown("time-out"), Accepted()]
    fake = Fake(lambda letter: answers.pop(0))
    to_patients(practice, fake)
    tick(practice, NINE)
    assert states(practice, track="patient") == {"waiting": 1}
    tick(practice, NINE + reminders.RETRY)
    assert states(practice, track="patient") == {"sent": 1, "waiting": 1}
    assert len({letter.key for letter in fake.letters}) == 1
    assert len({letter.attempt for letter in fake.letters}) == 2


def test_without_consent_nothing_goes_and_a_person_hears_at_once(practice: Any) -> None:
    patient = practice.patient()
    practice.contact(patient, given=False)
    practice.course(patient, PROTOCOL, START)
    fake = Fake()
    to_patients(practice, fake)
    tick(practice, NINE)
    assert fake.letters == []
    assert states(practice, track="patient") == {"suppressed": 1, "waiting": 1}
    assert [(work.kind, work.level) for work in practice.work] == [("unreachable", "24h")]


def test_stop_during_the_call_holds_from_the_next_claim_on(practice: Any) -> None:
    patient = someone(practice)
    [contact] = practice.rows(Contact)
    fake = Fake(lambda letter: practice.withdraw_consent(patient, contact.id) or Accepted())
    to_patients(practice, fake)
    tick(practice, NINE)
    tick(practice, NINE + timedelta(days=1))
    assert len(fake.letters) == 1
    assert states(practice, track="patient") == {"sent": 1, "suppressed": 1, "waiting": 1}


def test_a_dose_change_while_a_reminder_waits_withdraws_it(practice: Any) -> None:
    protocol = library.protocol("azathioprine-bsg-2019")  # a dose change restarts it
    patient = practice.patient()
    practice.contact(patient)
    course = practice.course(patient, protocol, START)
    practice.clock.wind(datetime(2026, 1, 20, 4, 59, tzinfo=UTC))
    practice.draw(patient, date(2026, 1, 19), set(protocol.clocks[0].components))
    before = {r.id for r in practice.reminders if r.state == "waiting"}
    practice.clock.wind(datetime(2026, 1, 21, 4, 59, tzinfo=UTC))
    practice.learn(patient, events=[{"course_id": course, "on": date(2026, 1, 20), "type": "dose-increase"}])
    assert practice.items[-1].due_on == date(2026, 2, 2)  # the old day is the earlier one: it stays
    assert {r.id for r in practice.reminders if r.state == "waiting"} == before
    hold = {"course_id": course, "on": date(2026, 1, 22), "type": "hold"}
    practice.learn(patient, events=[hold])
    practice.clock.wind(datetime(2026, 2, 4, 5, tzinfo=UTC))
    practice.learn(patient, events=[{"course_id": course, "on": date(2026, 2, 4), "type": "resume"}])
    assert practice.items[-1].due_on == date(2026, 2, 4)
    assert {r.state.value for r in practice.reminders if r.id in before} == {"withdrawn"}
    assert {r.version for r in practice.reminders if r.state == "waiting"} == {2}


@pytest.mark.parametrize("workers", [4])
def test_workers_and_planners_at_once_say_everything_once(practice: Any, workers: int) -> None:
    """Results come in while several workers send: no deadlock, one message a person, ladders ended."""
    people = [someone(practice, preferred_time=time(9)) for _ in range(40)]
    fake = Fake()
    to_patients(practice, fake)
    practice.clock.wind(NINE)
    failures: list[BaseException] = []

    def guarded(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    def send() -> None:
        for _ in range(4):
            reminders.tick(practice.engine, practice.clock, practice.channels)

    def learn() -> None:
        for patient in people[::2]:
            practice.draw(patient, date(2026, 1, 11), PANEL)

    threads = [threading.Thread(target=guarded, args=(send,)) for _ in range(workers)]
    threads.append(threading.Thread(target=guarded, args=(learn,)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    keys = Counter(letter.key for letter in fake.letters)
    assert set(keys.values()) <= {1}
    assert states(practice, track="patient", position=1)["waiting"] == 20  # of the next items
    closed = {row.id for row in practice.items if row.class_ is not None}
    assert len(closed) == 20
    assert not [r for r in practice.reminders if r.item_id in closed and r.state == "waiting"]


def test_a_slice_that_is_settled_leaves_what_another_has_in_hand(practice: Any) -> None:
    """An overdue item's patient and coordinator rungs share nine o'clock; what left the house is a slice."""
    people = [someone(practice) for _ in range(settling.SLICE)]
    fake, staff = Fake(), Fake()
    practice.channels = {Channel.SMS: fake, Channel.WORKLIST: staff}
    tick(practice, datetime(2026, 1, 16, 14, tzinfo=UTC))
    assert len(fake.letters) == len(staff.letters) == len(people)
    tick(practice, datetime(2026, 1, 16, 14, 15, tzinfo=UTC))
    assert len(fake.letters) == len(staff.letters) == len(people)
    said = {row.message_id for row in practice.reminders if row.state == "sent"}
    assert {row.id for row in practice.messages if row.accepted_at} == said
    assert states(practice, track="coordinator") == {"sent": len(people), "waiting": len(people)}


def test_the_attempt_of_a_worker_that_died_ends_as_unknown(practice: Any) -> None:
    someone(practice)

    class Killed(BaseException):
        """As a SIGKILL: nothing of ours runs after it."""

    def die(letter: Letter) -> Answer:
        raise Killed

    to_patients(practice, Fake(die))
    with pytest.raises(Killed):
        tick(practice, NINE)
    assert [row.state.value for row in practice.rows(Attempt)] == ["started"]
    to_patients(practice, Fake())
    tick(practice, NINE + reminders.LEASE)
    assert [row.state.value for row in practice.rows(Attempt, "number")] == ["unknown", "accepted"]
    assert states(practice, track="patient") == {"sent": 1, "waiting": 1}


def test_H09_who_was_killed_while_taking_over_is_taken_over_itself(
    practice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Taking over is part of every claim: there is no loop of its own for it that could die."""

    class Killed(BaseException):
        """As a SIGKILL: nothing of ours runs after it."""

    def die(*_: Any, **__: Any) -> Any:
        raise Killed

    someone(practice)
    fake = Fake(die)
    to_patients(practice, fake)
    with pytest.raises(Killed):
        tick(practice, NINE)
    with monkeypatch.context() as patch:
        patch.setattr(reminders.attempts, "abandon", die)
        with pytest.raises(Killed):
            tick(practice, NINE + reminders.LEASE)
    fake.answer = lambda letter: Accepted()
    tick(practice, NINE + reminders.LEASE + timedelta(seconds=5))
    assert len(fake.letters) == 2
    assert states(practice, track="patient") == {"sent": 1, "waiting": 1}
