"""What follows from what a patient reports: the gravest of it and a proposal, never an order to stop."""

from datetime import date, timedelta

import pytest

from schedules import consequences, library
from schedules.consequences import Consequence
from schedules.limits import LEVELS

TODAY = date(2026, 3, 10)
ALL = consequences.reports()
AZATHIOPRINE = library.protocol("azathioprine-us-label").medicine


def follow(report: str, choice: str, *, days_ago: int | None = 0, text: str = "") -> Consequence:
    return consequences.follow(
        ALL[report],
        choice,
        on=None if days_ago is None else TODAY - timedelta(days=days_ago),
        text=text,
        today=TODAY,
        medicines=[AZATHIOPRINE],
        asked=library.question_set(),
    )


@pytest.mark.parametrize(
    ("report", "choice", "level", "proposes"),
    [
        (one.id, each.id, each.level, each.proposes)
        for one in consequences.reports().values()
        for each in one.choices
    ],
)
def test_every_choice_has_its_level_and_its_proposal(
    report: str, choice: str, level: str, proposes: str | None
) -> None:
    found = follow(report, choice)
    assert (found.level, found.proposes) == (level, proposes)
    assert found.work == ALL[report].work
    assert found.advice[0] == level


def test_what_is_no_choice_is_a_persons_the_same_day_and_proposes_nothing() -> None:
    found = follow("stopped", "because")
    assert (found.level, found.proposes) == ("same-day", None)
    assert found.reasons == ("The report on stopped could not be evaluated: it has no known answer.",)


@pytest.mark.parametrize(("days_ago", "level"), [(4, "24h"), (5, "same-day"), (None, "same-day")])
def test_a_contact_of_long_ago_or_of_no_known_day_is_more_urgent(days_ago: int | None, level: str) -> None:
    assert follow("contact", "shingles", days_ago=days_ago).level == level


def test_words_of_danger_raise_the_level_and_are_told_first() -> None:
    found = follow("doses", "missed-some", text="and my chest hurts")
    assert LEVELS.index(found.level) > LEVELS.index("routine")
    assert found.reasons[0] == "The patient's own words name a danger."


@pytest.mark.parametrize(("text", "told"), [("allopurinol 100 mg", True), ("  ", False)])
def test_a_new_medicine_is_looked_at_beside_the_patients_own(text: str, told: bool) -> None:
    found = follow("medicine", "medicine", text=text)
    assert (found.level == "same-day") is told
    assert any("llopurinol" in reason for reason in found.reasons) is told
