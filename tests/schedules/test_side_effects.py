"""Shares of patients who answered: a numerator, a denominator and a period; no data is no number."""

from datetime import date

from schedules import library, side_effects
from schedules.adherence import Period
from schedules.side_effects import Answer

JANUARY = Period(date(2026, 1, 1), date(2026, 1, 31))
SETS = library.question_sets()


def told(patient: str, day: int, question: str, choice: str, month: int = 1) -> Answer:
    on = date(2026, month, day)
    return Answer(patient=patient, on=on, question=question, choice=choice, set_key=("symptoms", 1))


def figures(*answers: Answer) -> dict[str, tuple[int, int, float | None]]:
    found = side_effects.figures(answers, JANUARY, SETS)
    return {each.name: (each.numerator, each.denominator, each.rate) for each in found}


def test_a_patient_counts_once_by_the_worst_that_was_told() -> None:
    found = figures(
        told("ada", 5, "rash", "mild"),
        told("ada", 12, "fever", "fever"),
        told("ada", 12, "control", "better"),
        told("ben", 5, "vomiting", "eats-less"),
        told("ben", 5, "control", "same"),
        told("cem", 5, "rash", "none"),
        told("dan", 5, "other", "yes"),
    )
    assert found == {
        "any-side-effect": (2, 4, 0.5),
        "severe-side-effect": (1, 4, 0.25),
        "improved-control": (1, 2, 0.5),
    }


def test_the_last_word_on_control_in_the_period_counts() -> None:
    said = [told("ada", 20, "control", "worse"), told("ada", 6, "control", "better")]
    assert figures(*said)["improved-control"] == (0, 1, 0.0)
    later = told("ada", 3, "control", "better", month=2)
    assert figures(*said, later)["improved-control"] == (0, 1, 0.0)


def test_what_is_asked_beside_symptoms_is_no_side_effect() -> None:
    told_ = [told("ada", 5, "contact", "own-rash"), told("ada", 5, "doses", "stopped")]
    assert figures(*told_)["any-side-effect"] == (0, 1, 0.0)


def test_no_data_is_no_number() -> None:
    assert figures() == dict.fromkeys(
        ("any-side-effect", "severe-side-effect", "improved-control"), (0, 0, None)
    )
    assert figures(told("ada", 5, "rash", "none"))["improved-control"] == (0, 0, None)


def test_what_others_published_names_its_people_its_source_and_how_well_it_was_seen() -> None:
    found = side_effects.published()
    any_ = [float(each.percent) for each in found if each.figure == "any" and each.percent is not None]
    assert (min(any_), max(any_)) == (15, 73.9)
    assert any("21.7 %" in each.says and "92 adults with ITP" in each.population for each in found)
    assert all(each.source and each.evidence for each in found)
