"""Transports that refuse, hang and forget: nothing is lost, and nothing doubled that can be kept from it."""

from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from db import batches
from db.engine import reading, writing
from db.invariants import broken
from db.tables import Attempt, Channel, Consent, Contact, Message
from schedules import library
from service.channels import Accepted, Answer, Capabilities, Letter, Rejected, Unknown, local
from service.flows import doubts, outcomes, reminders, sending

START = date(2026, 1, 5)
PROTOCOL = library.protocol("azathioprine-us-label")
NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)  # the first reminder, 09:00 in New York
MINUTE = timedelta(minutes=1)
BLIND = Capabilities()
KEY = Capabilities(honours_key=True)
ASKED = Capabilities(can_be_asked=True)
KINDS = {"blind": BLIND, "key": KEY, "asked": ASKED}


class Killed(BaseException):
    """The worker's end: nothing catches it."""


class Provider:
    """What is at a channel's other end: takes letters as its kind does, then answers what a test wants."""

    def __init__(self, can: Capabilities = BLIND, *answers: Answer | type[Killed]) -> None:
        self.capabilities, self.answers = can, list(answers)
        self.letters, self.asked, self.taken = list[Letter](), list[UUID](), Counter[UUID]()
        self.knows: Callable[[UUID], Answer | None] = self._look

    def send(self, letter: Letter) -> Answer:
        self.letters.append(letter)
        answer = self.answers.pop(0) if self.answers else Accepted()
        if not isinstance(answer, Rejected) and not (
            self.capabilities.honours_key and self.taken[letter.key]
        ):
            self.taken[letter.key] += 1
        if answer is Killed:
            raise Killed
        return answer  # type: ignore[return-value]

    def look_up(self, key: UUID) -> Answer | None:
        self.asked.append(key)
        return self.knows(key)

    def _look(self, key: UUID) -> Answer | None:
        return Accepted("found") if self.taken[key] else None


def someone(practice: Any, *names: str, **columns: Any) -> UUID:
    """A patient who agreed to these channels, in this order."""
    patient: UUID = practice.patient(**columns)
    for name in names or ("sms",):
        values = {"clinic_id": practice.clinic_id, "patient_id": patient, "channel": name}
        consent = {"purpose": "reminders", "given": True, "source": "form", "wording": "neutral"}
        with writing(practice.engine) as session:
            contact = values | {"audience": "patient", "address": f"{name} of Ada"}
            [row] = batches.insert(session, Contact, [contact])
            about = {"contact_id": row["id"], "at": practice.clock()}
            batches.insert(session, Consent, [values | consent | about])
    practice.course(patient, PROTOCOL, START)
    return patient


def carried(practice: Any, **providers: Provider) -> None:
    practice.channels = dict(local.channels()) | {Channel(name): one for name, one in providers.items()}


def tick(practice: Any, at: datetime) -> None:
    practice.clock.wind(at)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    with reading(practice.engine) as session:
        assert broken(session) == {}


def first(practice: Any) -> Any:
    """The message that was due at nine."""
    [message] = [m for m in practice.rows(Message) if m.audience == "patient" and m.created_at < NINE]
    return message


def tries(practice: Any) -> list[Any]:
    return [row for row in practice.rows(Attempt, "number") if row.message_id == first(practice).id]


def said(practice: Any) -> dict[str, int]:
    states = Counter(row.state.value for row in practice.reminders if row.track == "patient")
    return dict(states)


def work(practice: Any) -> list[str]:
    return [item.kind for item in practice.work]


def test_a_reminder_goes_to_the_consented_contact_that_a_transport_carries(practice: Any) -> None:
    someone(practice, "voice", "email")
    email, sms = Provider(), Provider()
    carried(practice, sms=sms, email=email)
    tick(practice, NINE)
    [letter] = email.letters
    assert (letter.address, letter.sender, letter.key) == ("email of Ada", "Elm Street", first(practice).id)
    assert sms.letters == []
    [attempt] = tries(practice)
    assert (attempt.channel, attempt.id, attempt.repeats) == ("email", letter.attempt, None)
    assert attempt.contact_id is not None
    assert first(practice).channel == "email"
    assert said(practice) == {"sent": 1, "waiting": 1}


def test_a_patient_whom_no_transport_reaches_is_told_to_a_person(practice: Any) -> None:
    someone(practice, "voice")
    sms = Provider()
    carried(practice, sms=sms)
    tick(practice, NINE)
    assert sms.letters == []
    assert said(practice) == {"suppressed": 1, "waiting": 1}
    assert work(practice) == ["unreachable"]


def test_what_is_for_staff_stays_on_the_work_list(practice: Any) -> None:
    someone(practice)
    carried(practice, sms=Provider())
    practice.run_until(datetime(2026, 2, 1, tzinfo=UTC))
    assert {m.channel.value for m in practice.rows(Message) if m.accepted_at is not None} == {
        "sms",
        "worklist",
    }


# ---- nobody knows whether it arrived


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("how", ["killed", "no answer"])
def test_H01_H02_one_letter_arrives_whatever_becomes_of_the_worker(
    practice: Any, kind: str, how: str
) -> None:
    """The provider took it and nobody heard: the worker was killed, or the answer was lost."""
    someone(practice, "sms", "email")
    sms = Provider(KINDS[kind], Killed if how == "killed" else Unknown("time-out"))
    email = Provider()
    carried(practice, sms=sms, email=email)
    if how == "killed":
        with pytest.raises(Killed):
            tick(practice, NINE)
    else:
        tick(practice, NINE)
        assert first(practice).state == "unknown"
    assert said(practice) == {"waiting": 1}
    for minutes in range(1, 17):
        tick(practice, NINE + minutes * MINUTE + timedelta(seconds=1))
    assert email.letters == []
    assert said(practice) == {"sent": 1, "waiting": 1}
    assert first(practice).state == "accepted"
    assert first(practice).body is not None
    assert set(sms.taken) == {first(practice).id}
    assert sms.taken[first(practice).id] == (2 if kind == "blind" else 1)
    states = [row.state.value for row in tries(practice)]
    assert states == (["accepted"] if kind == "asked" else ["unknown", "accepted"])
    repeated = [row.repeats for row in tries(practice)]
    assert repeated == ([None] if kind == "asked" else [None, tries(practice)[0].id])
    assert len(sms.asked) == (kind == "asked")


def test_a_blind_channel_is_tried_once_more_and_then_a_person_decides(practice: Any) -> None:
    someone(practice, "sms", "email")
    sms, email = Provider(BLIND, Unknown("a"), Unknown("b"), Unknown("c")), Provider()
    carried(practice, sms=sms, email=email)
    tick(practice, NINE)
    tick(practice, NINE + doubts.PATIENCE - timedelta(seconds=1))
    assert len(sms.letters) == 1
    tick(practice, NINE + doubts.PATIENCE)
    assert [letter.key for letter in sms.letters] == [first(practice).id] * 2
    assert work(practice) == ["unknown-delivery"]
    assert (first(practice).state, first(practice).lease_until) == ("unknown", None)
    assert said(practice) == {"suppressed": 1, "waiting": 1}
    tick(practice, NINE + timedelta(hours=6))
    assert len(sms.letters) == 2
    assert email.letters == []


def test_a_worker_killed_twice_on_a_blind_channel_leaves_it_to_a_person(practice: Any) -> None:
    someone(practice)
    sms = Provider(BLIND, Killed, Killed)
    carried(practice, sms=sms)
    for at in (NINE, NINE + doubts.PATIENCE):
        with pytest.raises(Killed):
            tick(practice, at)
    tick(practice, NINE + 2 * doubts.PATIENCE)
    assert len(sms.letters) == 2
    assert work(practice) == ["unknown-delivery"]


def test_a_blind_repeat_that_is_refused_is_a_persons_too(practice: Any) -> None:
    someone(practice, "sms", "email")
    sms, email = Provider(BLIND, Unknown("a"), Rejected("451", permanent=False)), Provider()
    carried(practice, sms=sms, email=email)
    tick(practice, NINE)
    tick(practice, NINE + doubts.PATIENCE)
    tick(practice, NINE + timedelta(hours=2))
    assert (len(sms.letters), len(email.letters)) == (2, 0)
    assert work(practice) == ["unknown-delivery"]


def test_who_says_stop_in_doubt_gets_no_second_letter(practice: Any) -> None:
    patient = someone(practice)
    sms = Provider(BLIND, Unknown("a"))
    carried(practice, sms=sms)
    tick(practice, NINE)
    practice.clock.wind(NINE + MINUTE)
    practice.withdraw_consent(patient, practice.rows(Contact)[0].id)
    tick(practice, NINE + doubts.PATIENCE)
    assert len(sms.letters) == 1
    assert work(practice) == ["unknown-delivery"]


def test_nothing_is_repeated_at_night(practice: Any) -> None:
    someone(practice, preferred_time=time(20, 50))
    sms = Provider(BLIND, Unknown("a"))
    carried(practice, sms=sms)
    evening = NINE.replace(day=12, hour=1, minute=50)
    tick(practice, evening)
    assert len(sms.letters) == 1
    tick(practice, evening + doubts.PATIENCE)
    tick(practice, evening + timedelta(hours=12))
    assert len(sms.letters) == 1
    assert work(practice) == ["unknown-delivery"]


def test_what_never_arrived_is_sent_again(practice: Any) -> None:
    someone(practice)
    sms = Provider(ASKED, Unknown("a"))
    sms.knows = lambda key: None
    carried(practice, sms=sms)
    tick(practice, NINE)
    for minutes in (1, 2):
        tick(practice, NINE + minutes * MINUTE)
    assert (len(sms.letters), len(sms.asked)) == (2, 1)
    assert [row.state.value for row in tries(practice)] == ["rejected", "accepted"]
    assert said(practice) == {"sent": 1, "waiting": 1}


def test_a_provider_that_does_not_answer_for_a_quarter_of_an_hour_is_a_persons(practice: Any) -> None:
    someone(practice)
    sms = Provider(ASKED, Unknown("a"))
    sms.knows = lambda key: Unknown("500")
    carried(practice, sms=sms)
    for minutes in range(15):
        tick(practice, NINE + minutes * MINUTE)
        assert work(practice) == []
    tick(practice, NINE + doubts.PATIENCE)
    assert work(practice) == ["unknown-delivery"]
    assert len(sms.letters) == 1
    assert len(sms.asked) > 3
    assert said(practice) == {"suppressed": 1, "waiting": 1}


@pytest.mark.parametrize(("hours", "letters"), [(11, 2), (12, 1)])
def test_a_key_is_not_sent_again_when_the_provider_may_have_forgotten_it(
    practice: Any, hours: int, letters: int
) -> None:
    someone(practice, preferred_time=time(8))
    sms = Provider(KEY, Killed)
    carried(practice, sms=sms)
    eight = NINE - timedelta(hours=1)
    with pytest.raises(Killed):
        tick(practice, eight)
    tick(practice, eight + timedelta(hours=hours))
    assert len(sms.letters) == letters
    assert work(practice) == ([] if letters == 2 else ["unknown-delivery"])


def test_a_transport_that_was_taken_away_leaves_its_doubts_to_a_person(practice: Any) -> None:
    someone(practice, "sms", "email")
    carried(practice, sms=Provider(KEY, Unknown("a")))
    tick(practice, NINE)
    email = Provider()
    carried(practice, email=email)
    tick(practice, NINE + doubts.PATIENCE)
    assert email.letters == []
    assert work(practice) == ["unknown-delivery"]


def test_the_key_of_what_was_perhaps_said_never_carries_another_text(practice: Any) -> None:
    """A result closes the item in doubt: the message is over, and takes no new reminder."""
    patient = someone(practice)
    carried(practice, sms=Provider(KEY, Unknown("a")))
    tick(practice, NINE)
    practice.draw(patient, date(2026, 1, 11), set(PROTOCOL.clocks[0].components))
    tick(practice, NINE + doubts.PATIENCE)
    assert (first(practice).state, first(practice).lease_until) == ("unknown", None)
    assert [
        r for r in practice.reminders if r.message_id == first(practice).id and r.state == "waiting"
    ] == []


# ---- refused


def test_H16_a_bad_address_is_marked_and_the_next_channel_used(practice: Any) -> None:
    someone(practice, "sms", "email")
    sms, email = Provider(BLIND, Rejected("550 5.1.1", permanent=True, bad_address=True)), Provider()
    carried(practice, sms=sms, email=email)
    tick(practice, NINE)
    assert (len(sms.letters), len(email.letters)) == (1, 1)
    assert {row.channel.value: row.bad_since for row in practice.rows(Contact)} == {
        "sms": NINE,
        "email": None,
    }
    assert work(practice) == []
    assert [(row.channel.value, row.state.value, row.code) for row in tries(practice)] == [
        ("sms", "rejected", "550 5.1.1"),
        ("email", "accepted", None),
    ]
    tick(practice, NINE + timedelta(days=1))
    assert (len(sms.letters), len(email.letters)) == (1, 2)


def test_H16_the_last_bad_address_is_told_to_a_person_now_and_at_the_next_rung(practice: Any) -> None:
    someone(practice)
    sms = Provider(BLIND, Rejected("gone", permanent=True, bad_address=True))
    carried(practice, sms=sms)
    tick(practice, NINE)
    assert sorted(work(practice)) == ["undeliverable", "unreachable"]
    tick(practice, NINE + timedelta(days=1))
    assert len(sms.letters) == 1
    assert sorted(work(practice)) == ["undeliverable", "unreachable"]


def test_a_second_address_on_the_same_channel_is_used_when_the_first_is_bad(practice: Any) -> None:
    someone(practice, "sms", "sms", "email")
    sms, email = Provider(BLIND, Rejected("gone", permanent=True, bad_address=True)), Provider()
    carried(practice, sms=sms, email=email)
    tick(practice, NINE)
    assert (len(sms.letters), len(email.letters)) == (2, 0)
    assert len({row.contact_id for row in tries(practice)}) == 2


def test_what_is_refused_for_its_text_says_nothing_of_the_address(practice: Any) -> None:
    someone(practice, "sms", "email")
    sms, email = Provider(BLIND, Rejected("554", permanent=True)), Provider()
    carried(practice, sms=sms, email=email)
    tick(practice, NINE)
    assert (len(sms.letters), len(email.letters)) == (1, 1)
    assert [row.bad_since for row in practice.rows(Contact)] == [None, None]


def test_a_channel_that_is_down_is_tried_eight_times_and_then_the_next(practice: Any) -> None:
    someone(practice, "sms", "email")
    down = [Rejected("503", permanent=False)] * 50
    sms, email = Provider(KEY, *down), Provider(KEY, *down)
    carried(practice, sms=sms, email=email)
    for turn in range(20):
        tick(practice, NINE + turn * outcomes.CAP)
    assert (len(sms.letters), len(email.letters)) == (8, 8)
    assert len({letter.key for letter in (*sms.letters, *email.letters)}) == 1
    assert work(practice) == ["undeliverable"]
    assert first(practice).state == "failed"
    assert said(practice) == {"suppressed": 1, "waiting": 1}


def test_H12_nothing_is_sent_while_the_provider_asks_us_to_wait(practice: Any) -> None:
    someone(practice)
    wait = timedelta(minutes=7)
    sms = Provider(KEY, Rejected("429", permanent=False, retry_after=wait))
    carried(practice, sms=sms)
    for seconds in range(0, 420, 20):
        tick(practice, NINE + timedelta(seconds=seconds))
        assert len(sms.letters) == 1
    tick(practice, NINE + wait)
    assert len(sms.letters) == 2
    assert said(practice) == {"sent": 1, "waiting": 1}


# ---- the lease, and the transaction


def test_no_call_begins_that_could_outlast_the_lease(practice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    someone(practice)
    sms = Provider(BLIND)
    carried(practice, sms=sms)
    hour = iter(range(0, 360_000, 3600))
    with monkeypatch.context() as patch:
        patch.setattr(sending.clocks, "seconds", lambda: next(hour))
        tick(practice, NINE)
    assert sms.letters == []
    assert first(practice).state == "waiting"
    tick(practice, NINE + MINUTE)
    assert len(sms.letters) == 1
    assert [row.code for row in tries(practice)] == ["no-time-left", None]


def test_H04_a_lease_that_ran_out_while_a_text_was_written_sends_nothing(
    practice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone(practice)
    sms, whole, passed = Provider(ASKED), outcomes.wording.render, [0.0]
    carried(practice, sms=sms)

    def slow(*given: Any, **more: Any) -> Any:
        passed[0] += reminders.LEASE.total_seconds() / 2
        return whole(*given, **more)

    with monkeypatch.context() as patch:
        patch.setattr(sending.clocks, "seconds", lambda: passed[0])
        patch.setattr(outcomes.wording, "render", slow)
        tick(practice, NINE)
    assert sms.letters == []
    assert [row.code for row in tries(practice)] == ["no-time-left"]


def test_a_doubt_that_there_is_no_time_to_ask_about_stays_one(
    practice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone(practice)
    sms = Provider(ASKED, Unknown("a"))
    carried(practice, sms=sms)
    tick(practice, NINE)
    hour = iter(range(0, 360_000, 3600))
    with monkeypatch.context() as patch:
        patch.setattr(sending.clocks, "seconds", lambda: next(hour))
        tick(practice, NINE + MINUTE)
    assert sms.asked == []
    tick(practice, NINE + 2 * MINUTE)
    assert (len(sms.letters), len(sms.asked)) == (1, 1)
    assert said(practice) == {"sent": 1, "waiting": 1}


def test_what_a_worker_died_of_is_begun_only_after_the_others_were_said(practice: Any) -> None:
    for _ in range(3):
        someone(practice)
    sms = Provider(KEY, Killed)
    carried(practice, sms=sms)
    with pytest.raises(Killed):
        tick(practice, NINE)
    sms.answers = [Killed]
    with pytest.raises(Killed):
        tick(practice, NINE + MINUTE)
    states = Counter(row.state.value for row in practice.rows(Attempt) if row.number == 2)
    assert states == {"started": 1}
    tick(practice, NINE + 2 * MINUTE)
    assert sorted(sms.taken.values()) == [1] * 3
    assert said(practice) == {"sent": 3, "waiting": 3}


def test_H19_what_was_not_committed_is_not_sent(practice: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    someone(practice)
    sms = Provider()
    carried(practice, sms=sms)
    with monkeypatch.context() as patch:
        patch.setattr(reminders.attempts, "start", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tick(practice, NINE)
    assert (sms.letters, tries(practice)) == ([], [])
    assert first(practice).state == "waiting"
    tick(practice, NINE)
    assert len(sms.letters) == 1


def test_many_letters_leave_at_once_and_each_is_settled(practice: Any) -> None:
    for _ in range(30):
        someone(practice)
    sms = Provider(KEY)
    carried(practice, sms=sms)
    tick(practice, NINE)
    assert sorted(sms.taken.values()) == [1] * 30
    assert said(practice) == {"sent": 30, "waiting": 30}
