"""What is told with work about a patient, whether something is late or not."""

from datetime import date
from typing import Any

import pytest

from schedules import reasons
from tests.schedules.test_risk import a_draw, an_item, someone

SINCE = "On azathioprine since 2026-01-05."


def told(*known: Any) -> tuple[str, ...]:
    return reasons.of(known or [someone("one")])


def test_of_who_is_not_late_the_next_day_the_stage_and_the_counts_are_told() -> None:
    soon = an_item(late=-12, phase=0)
    draws = (
        a_draw(date(2026, 3, 1), wbc="3.9", plt="200"),
        a_draw(date(2026, 4, 1), plt="190"),
        a_draw(date(2026, 5, 1), wbc="3.6", plt="200", alt="30"),
        a_draw(date(2026, 5, 9), alt="31"),
        a_draw(date(2026, 7, 1), wbc="1"),
    )
    assert told(someone("one", item=soon, draws=draws, reachable=False)) == (
        "The next blood test is due on 2026-06-13.",
        "No reminder reaches the patient: no contact with consent.",
        "The medicine is being started: the phase of close tests is not over.",
        SINCE,
        "Last counts, of 2026-05-01: "
        "platelets 200 10*9/L, up from 190; white cells 3.6 10*9/L, down from 3.9.",
    )


def test_a_first_count_is_told_alone() -> None:
    assert told(someone("one", draws=(a_draw(wbc="3.6"),)))[-1].endswith(": white cells 3.6 10*9/L.")


@pytest.mark.parametrize(("before", "word"), [("3.5", "up from 3.5"), ("3.60", "as before")])
def test_a_count_is_told_with_the_one_before(before: str, word: str) -> None:
    draws = (a_draw(date(2026, 3, 1), wbc=before), a_draw(date(2026, 5, 1), wbc="3.6"))
    assert told(someone("one", draws=draws))[-1].endswith(f"white cells 3.6 10*9/L, {word}.")


def test_of_several_the_one_to_call_for_first_is_told() -> None:
    late, held = someone("late", item=an_item(late=9)), someone("held", item=an_item(late=-3, held=True))
    assert told(held, late)[0] == "The blood test was due on 2026-05-23, 9 days ago."
    assert told(held)[0] == "The next blood test is due on 2026-06-04. The course is on hold."
    assert told(held)[1:] == (SINCE, reasons.NO_COUNTS)


def test_of_nothing_open_nothing_is_told() -> None:
    assert reasons.of([]) == ()
