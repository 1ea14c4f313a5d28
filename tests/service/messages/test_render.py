"""What a message says, to whom, in which order."""

from datetime import date, time

import pytest

from service import messages
from service.messages import Line, Sender

ELM = Sender("Elm Street", "+1 202-555-0100", "911")
MONDAY, TUESDAY = date(2026, 1, 12), date(2026, 1, 13)
CLOSE = "Our phone: +1 202-555-0100. This is not for emergencies: call 911."


def said(*lines: Line, audience: str = "patient", wording: str = "blood-test", language: str = "en") -> str:
    return messages.render(ELM, lines, audience=audience, language=language, wording=wording).body


def test_a_message_says_the_clinic_by_when_and_whom_to_call() -> None:
    text = messages.render(
        ELM, [Line("test", "ahead", MONDAY)], audience="patient", language="en", wording="blood-test"
    )
    assert text.subject == "A message from Elm Street"
    assert text.body == f"Elm Street: Your blood test is due by Monday 12 January 2026. {CLOSE}"


def test_who_did_not_agree_to_more_reads_of_an_appointment() -> None:
    for kind in ("test", "visit", "dose"):
        assert "Your appointment is due by" in said(Line(kind, "ahead", MONDAY), wording="neutral")
    assert "Your check-in is due by" in said(Line("check-in", "ahead", MONDAY), wording="neutral")


def test_an_overdue_text_tells_the_patient_to_change_nothing_and_the_carer_to_call() -> None:
    overdue = Line("test", "overdue", MONDAY)
    assert f"Do not change your tablets; call us. {CLOSE}" in said(overdue)
    carer = said(overdue, audience="carer")
    assert f"Please call us. {CLOSE}" in carer
    assert "tablets" not in carer
    assert "The blood test of the person you care for was due by" in carer


def test_what_is_booked_has_its_local_time() -> None:
    booked = Line("visit", "booked", MONDAY, time(14, 30))
    assert "Your visit to the clinic is on Monday 12 January 2026 at 2:30 pm." in said(booked)
    assert "es el lunes 12 de enero de 2026, 14:30 h." in said(booked, language="es")


@pytest.mark.parametrize(
    ("at", "words"),
    [(time(0, 5), "12:05 am"), (time(9), "9:00 am"), (time(12), "12:00 pm"), (time(23, 59), "11:59 pm")],
)
def test_the_clock_has_two_halves(at: time, words: str) -> None:
    assert f"at {words}." in said(Line("visit", "booked", MONDAY, at))


def test_several_lines_are_told_gravest_first_with_one_advice() -> None:
    lines = [
        Line("visit", "ahead", TUESDAY),
        Line("check-in", "due", MONDAY),
        Line("dose", "overdue", MONDAY),
        Line("test", "overdue", MONDAY),
        Line("test", "ahead", MONDAY),
    ]
    assert said(*lines) == (
        "Elm Street: "
        "Your treatment visit was due by Monday 12 January 2026 and we have not had word of it. "
        "Your blood test was due by Monday 12 January 2026 and we have not had word of it. "
        "Your check-in is due: the day for it is Monday 12 January 2026. "
        "Your blood test is due by Monday 12 January 2026. "
        "Your visit to the clinic is due by Tuesday 13 January 2026. "
        f"Do not change your tablets; call us. {CLOSE}"
    )


def test_the_same_is_said_once() -> None:
    lines = [Line("test", "ahead", MONDAY), Line("dose", "ahead", MONDAY)]
    assert said(*lines, wording="neutral").count("Your appointment") == 1


@pytest.mark.parametrize(("phone", "emergency"), [("", "911"), ("+1 202-555-0100", " "), ("-", "911")])
def test_a_clinic_that_cannot_be_called_says_nothing(phone: str, emergency: str) -> None:
    with pytest.raises(ValueError, match="cannot send"):
        messages.render(
            Sender("Elm", phone, emergency),
            [Line("test", "ahead", MONDAY)],
            audience="patient",
            language="en",
            wording="neutral",
        )


def test_a_name_with_braces_is_only_a_name() -> None:
    odd = Sender("{phone} & {0.__class__}", "1", "2")
    text = messages.render(
        odd, [Line("test", "ahead", MONDAY)], audience="patient", language="en", wording="neutral"
    )
    assert text.body.startswith("{phone} & {0.__class__}: Your appointment")
