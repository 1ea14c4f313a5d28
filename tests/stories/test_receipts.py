"""What a provider says later, or never: the state in the end is the same in whatever order it says it."""

import itertools
from datetime import date, timedelta
from typing import Any

import pytest

from db import batches
from db.engine import writing
from db.tables import Attempt, Channel, Contact, Message, Receipt
from db.types import new_id
from service.channels import Accepted, Capabilities
from service.channels import Receipt as Said
from service.flows import outcomes, receipts, reminders
from tests.stories.test_channels import (
    NINE,
    PROTOCOL,
    Provider,
    carried,
    first,
    said,
    someone,
    tick,
    tries,
    work,
)

RECEIPTS = Capabilities(honours_key=True, receipts=True)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TWO = ("delivered", "undelivered")


def told(practice: Any, event: str, *, key: Any = None, channel: str = "sms") -> None:
    state = "delivered" if event == "delivered" else "undelivered"
    key = first(practice).id if key is None else key
    receipt = Said(key=key, state=state, bad_address=event == "bad")  # type: ignore[arg-type]
    with writing(practice.engine) as session:
        receipts.keep(session, receipt, Channel(channel), now=practice.clock())


def take_up(practice: Any) -> None:
    receipts.tick(practice.engine, practice.clock, practice.channels)


def sent(practice: Any, *names: str, **columns: Any) -> dict[str, Provider]:
    """A reminder that was accepted by the first of these channels."""
    someone(practice, *names, **columns)
    providers = {name: Provider(RECEIPTS) for name in names}
    carried(practice, **providers)
    tick(practice, NINE)
    return providers


def test_H15_a_receipt_says_that_it_was_delivered(practice: Any) -> None:
    sent(practice, "sms")
    assert (first(practice).state, first(practice).receipt_by) == ("accepted", NINE + 4 * HOUR)
    told(practice, "delivered")
    take_up(practice)
    assert (first(practice).state, first(practice).receipt_by) == ("delivered", None)
    tick(practice, NINE + 5 * HOUR)
    take_up(practice)
    assert first(practice).state == "delivered"
    assert work(practice) == []


def test_H15_every_sequence_of_receipts_ends_in_the_same_state(practice: Any) -> None:
    """Every sequence of up to six events, a message each; the loop takes up after every event."""
    plans = [order for length in range(1, 7) for order in itertools.product(TWO, repeat=length)]
    patients = [practice.patient() for _ in plans]
    keys = accepted(practice, patients)
    for turn in range(6):
        for key, plan in zip(keys, plans, strict=True):
            if turn < len(plan):
                told(practice, plan[turn], key=key)
        take_up(practice)
    states = {row.id: row.state.value for row in practice.messages}
    for key, plan in zip(keys, plans, strict=True):
        assert states[key] == ("undelivered" if "undelivered" in plan else "delivered"), plan


def accepted(practice: Any, patients: list[Any]) -> list[Any]:
    """A message of each that a gateway has taken, without a reminder."""
    named = {"clinic_id": practice.clinic_id, "channel": "sms", "state": "accepted"}
    moments = {"send_at": NINE, "created_at": NINE, "accepted_at": NINE, "attempts": 1}
    about = {"clinic_id": practice.clinic_id, "number": 1, "channel": "sms", "started_at": NINE}
    with writing(practice.engine) as session:
        rows = [named | moments | {"patient_id": patient, "audience": "patient"} for patient in patients]
        keys = [row["id"] for row in batches.insert(session, Message, rows)]
        batches.insert(session, Attempt, [about | {"message_id": key, "state": "accepted"} for key in keys])
    return keys


@pytest.mark.parametrize("order", list(itertools.permutations(("delivered", "undelivered", "undelivered"))))
def test_H15_receipts_that_are_taken_up_one_by_one_end_alike(practice: Any, order: tuple[str, ...]) -> None:
    sms, email = sent(practice, "sms", "email").values()
    for minutes, event in enumerate(order, 1):
        practice.clock.wind(NINE + minutes * MINUTE)
        told(practice, event)
        take_up(practice)
        tick(practice, NINE + minutes * MINUTE)
    assert (len(sms.letters), len(email.letters)) == (1, 1)
    assert (first(practice).state, first(practice).channel) == ("accepted", "email")
    assert said(practice) == {"sent": 1, "waiting": 1}


def test_H15_what_is_not_known_yet_is_kept_for_a_week(practice: Any) -> None:
    someone(practice)
    carried(practice, sms=Provider(RECEIPTS))
    told(practice, "delivered", key=new_id())
    early = next(m for m in practice.messages if m.audience == "patient")
    told(practice, "delivered", key=early.id)
    take_up(practice)
    assert [row.matched_at for row in practice.rows(Receipt, "received_at")] == [None, None]
    tick(practice, NINE)
    take_up(practice)
    assert first(practice).state == "delivered"
    practice.clock.wind(practice.clock() + receipts.KEPT + MINUTE)
    take_up(practice)
    assert practice.rows(Receipt, "received_at") == []


def test_H16_what_was_not_delivered_goes_the_next_way(practice: Any) -> None:
    sms, email = sent(practice, "sms", "email").values()
    told(practice, "bad")
    take_up(practice)
    assert said(practice) == {"waiting": 1}
    tick(practice, NINE + MINUTE)
    assert (len(sms.letters), len(email.letters)) == (1, 1)
    assert email.letters[0].body == sms.letters[0].body
    assert {row.channel.value: row.bad_since is not None for row in practice.rows(Contact)} == {
        "sms": True,
        "email": False,
    }
    assert said(practice) == {"sent": 1, "waiting": 1}
    assert [row.channel.value for row in tries(practice)] == ["sms", "email"]
    assert work(practice) == []


def test_H16_what_has_no_other_way_is_a_persons(practice: Any) -> None:
    sent(practice, "sms")
    told(practice, "undelivered")
    take_up(practice)
    assert first(practice).state == "undelivered"
    assert work(practice) == ["undeliverable"]
    assert said(practice) == {"sent": 1, "waiting": 1}


def test_what_was_done_meanwhile_needs_no_other_way(practice: Any) -> None:
    patient = someone(practice, "sms", "email")
    email = Provider(RECEIPTS)
    carried(practice, sms=Provider(RECEIPTS), email=email)
    tick(practice, NINE)
    practice.draw(patient, date(2026, 1, 11), set(PROTOCOL.clocks[0].components))
    told(practice, "undelivered")
    take_up(practice)
    tick(practice, NINE + MINUTE)
    assert email.letters == []
    assert first(practice).state == "undelivered"
    assert work(practice) == []


def test_a_late_receipt_of_the_first_way_says_nothing_of_the_second(practice: Any) -> None:
    sent(practice, "sms", "email")
    told(practice, "undelivered")
    take_up(practice)
    tick(practice, NINE + MINUTE)
    told(practice, "delivered")
    take_up(practice)
    assert (first(practice).state, first(practice).channel) == ("accepted", "email")


def test_what_goes_again_goes_in_the_morning(practice: Any) -> None:
    sms, email = sent(practice, "sms", "email").values()
    practice.clock.wind(NINE + timedelta(hours=13))
    told(practice, "undelivered")
    take_up(practice)
    tick(practice, NINE + timedelta(hours=13))
    assert email.letters == []
    tick(practice, NINE + timedelta(hours=23))
    assert (len(sms.letters), len(email.letters)) == (1, 1)


def test_H14_who_is_swallowed_is_told_otherwise_or_by_a_person(practice: Any) -> None:
    """The provider takes everything and loses every tenth; half of the patients have a second channel."""
    for number in range(20):
        someone(practice, *(("sms", "email") if number % 2 else ("sms",)))
    sms, email = Provider(RECEIPTS), Provider(RECEIPTS)
    carried(practice, sms=sms, email=email)
    tick(practice, NINE)
    lost = {letter.key for letter in sms.letters[::10]} | {letter.key for letter in sms.letters[5::10]}
    for letter in sms.letters:
        if letter.key not in lost:
            told(practice, "delivered", key=letter.key)
    tick(practice, NINE + outcomes.RECEIPTS_WITHIN - MINUTE)
    take_up(practice)
    assert (work(practice), email.letters) == ([], [])
    tick(practice, NINE + outcomes.RECEIPTS_WITHIN)
    take_up(practice)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    otherwise = {letter.key for letter in email.letters}
    unconfirmed = {row.id for row in practice.messages if row.unconfirmed_at is not None}
    assert otherwise | unconfirmed == lost
    assert not otherwise & unconfirmed
    assert work(practice) == ["no-confirmation"] * len(unconfirmed)
    told(practice, "delivered", key=min(unconfirmed))
    take_up(practice)
    assert next(row for row in practice.messages if row.id == min(unconfirmed)).state == "delivered"


def test_a_channel_without_receipts_awaits_none(practice: Any) -> None:
    someone(practice)
    carried(practice, sms=Provider(Capabilities(honours_key=True), Accepted()))
    tick(practice, NINE)
    assert first(practice).receipt_by is None
    tick(practice, NINE + 5 * HOUR)
    take_up(practice)
    assert work(practice) == []
