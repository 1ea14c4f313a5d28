"""Answers to a level: each figure of the set, ambers, what got worse, words, and what cannot be read."""

import itertools
import random
from decimal import Decimal

import pytest

from schedules import library, triage
from schedules.limits import LEVELS
from schedules.triage import Assessment, Context, Given

ASKED = library.question_set()
WELL = {question.id: Given(choice=question.choices[0].id) for question in ASKED.questions}
CHOICES = [(question, choice) for question in ASKED.questions for choice in question.choices]
LEVEL_OF = {  # the draft's table, read apart from the file
    "fever": ["routine", "24h", "same-day", "emergency"],
    "infection": ["routine", "routine", "24h", "same-day", "emergency"],
    "bleeding": ["routine", "same-day", "emergency"],
    "jaundice": ["routine", "same-day", "emergency"],
    "tummy-pain": ["routine", "routine", "24h", "same-day", "emergency"],
    "vomiting": ["routine", "routine", "24h", "same-day"],
    "stools": ["routine", "routine", "24h", "same-day", "emergency"],
    "rash": ["routine", "routine", "24h", "same-day", "emergency"],
    "flu-like": ["routine", "24h", "same-day", "emergency"],
    "breathing": ["routine", "24h", "same-day", "emergency"],
    "contact": ["routine", "24h", "same-day", "emergency"],
    "new-medicine": ["routine", "24h", "24h", "same-day"],
    "pregnancy": ["routine", "24h"],
    "doses": ["routine", "routine", "routine", "24h", "same-day"],
    "control": ["routine", "routine", "24h"],
    "other": ["routine", "24h"],
}


def judged(context: Context = Context(), **answers: Given) -> Assessment:  # noqa: B008
    return triage.assess(
        ASKED, WELL | {name.replace("_", "-"): one for name, one in answers.items()}, context
    )


def worst(question: str, place: int, **more: str) -> Given:
    found = ASKED.question(question)
    assert found is not None
    return Given(choice=found.choices[place].id, **more)


def test_the_set_says_that_it_is_not_validated_and_cites_every_figure() -> None:
    assert "is not validated" in ASKED.statement
    assert {
        question.id: [choice.level for choice in question.choices] for question in ASKED.questions
    } == LEVEL_OF
    for question in ASKED.questions:
        assert question.source
        assert question.evidence
    rules = ASKED.rules
    for rule in (rules.ambers_are_red, rules.worse_than_last_time, rules.free_text, rules.not_evaluated):
        assert rule.evidence
        assert rule.source or rule.note


@pytest.mark.parametrize(("question", "choice"), CHOICES, ids=lambda each: each.id)
def test_one_answer_alone_has_its_own_level(question: object, choice: object) -> None:
    found = judged(**{question.id: Given(choice=choice.id)})  # type: ignore[attr-defined]
    assert found.level == choice.level  # type: ignore[attr-defined]
    assert found.advice[0] == found.level
    assert len(found.reasons) == (found.level != "routine")
    assert all(reason.source for reason in found.reasons)


def test_two_ambers_are_red_and_each_is_a_reason() -> None:
    found = judged(tummy_pain=worst("tummy-pain", 2), vomiting=worst("vomiting", 2))
    assert (found.level, found.is_red) == ("same-day", True)
    assert [reason.level for reason in found.reasons] == ["same-day", "24h", "24h"]
    assert "UKONS" in found.reasons[0].source


def test_a_worse_answer_never_lowers_the_level() -> None:
    rng = random.Random(5)
    for _ in range(300):
        given = {each.id: Given(choice=rng.choice(each.choices).id) for each in ASKED.questions}
        question = rng.choice([each for each in ASKED.questions if each.symptom])
        levels = [
            LEVELS.index(
                triage.assess(ASKED, given | {question.id: Given(choice=choice.id)}, Context()).level
            )
            for choice in question.choices
        ]
        assert levels == sorted(levels)


def test_worse_than_last_time_counts_as_one_amber() -> None:
    before = Context(before={name: one.choice for name, one in WELL.items()})
    mild = {"rash": worst("rash", 1), "stools": worst("stools", 1)}
    assert judged(**mild).level == "routine"
    found = judged(before, **mild)
    assert found.level == "24h"
    assert found.reasons[0].sentence.startswith("Worse than last time: Loose stools")
    assert judged(before, **mild, vomiting=worst("vomiting", 2)).level == "same-day"
    assert judged(before, control=worst("control", 1), doses=worst("doses", 2)).level == "routine"


def test_the_same_as_last_time_or_better_adds_nothing() -> None:
    before = Context(before={"rash": "mild", "tummy-pain": "mild"})
    assert judged(before, rash=worst("rash", 1)).level == "routine"


@pytest.mark.parametrize(
    ("number", "unit", "level"),
    [
        ("36.0", "c", "routine"),
        ("37.4", "c", "routine"),
        ("37.5", "c", "24h"),
        ("37,9", "c", "24h"),
        ("38", "c", "same-day"),
        ("35.9", "c", "24h"),
        ("98.6", "f", "routine"),
        ("100.4", "f", "same-day"),
        ("99.5", "f", "24h"),
        ("98.6", "c", "same-day"),
        ("36.6", "f", "same-day"),
        ("38.5", "k", "same-day"),
        ("hot", "c", "same-day"),
        ("38..5", "c", "same-day"),
        ("-37", "c", "same-day"),
        ("٣٨", "c", "same-day"),
    ],
)
def test_a_temperature_has_its_level_and_an_unreadable_one_is_red(number: str, unit: str, level: str) -> None:
    assert judged(fever=worst("fever", 0, number=number, unit=unit)).level == level


def test_fever_with_few_neutrophils_is_an_emergency() -> None:
    low, enough = Context(neutrophils=Decimal("0.9")), Context(neutrophils=Decimal("1.0"))
    assert judged(low, fever=worst("fever", 1)).level == "emergency"
    assert judged(enough, fever=worst("fever", 1)).level == "24h"
    assert judged(low).level == "routine"


@pytest.mark.parametrize("name", list(WELL))
def test_H46_what_is_missing_or_no_choice_is_red(name: str) -> None:
    missing = {key: one for key, one in WELL.items() if key != name}
    for given in (missing, WELL | {name: Given(choice="")}, WELL | {name: Given(choice="none of them")}):
        found = triage.assess(ASKED, given, Context())
        assert found.level == "same-day"
        assert "could not be evaluated" in found.reasons[0].sentence


def test_answers_to_what_was_never_asked_are_red() -> None:
    assert triage.assess(ASKED, WELL | {"shoe-size": Given(choice="42")}, Context()).level == "same-day"


def test_a_rule_that_fails_is_red() -> None:
    found = triage.not_evaluated(ASKED)
    assert (found.level, found.advice) == ("same-day", ("same-day",))


SPOKEN = {
    "en": (["cant breathe", "short of breath", "chest is tight", "bleeding a bit", "high fever", "FEVER 39",
            "shivering", "collapsed", "i fainted", "confused", "face swollen", "yellow eyes", "kill myself"],
           ["", "no ", "not a ", "since monday ", "my wife says ", "!!! ", "pls help ", "😟 "]),
    "es": (["no puedo respirar", "me falta el aire", "dolor de pecho", "sangre", "fiebre alta", "FIEBRE 39",
            "escalofríos", "me desmayé", "confusión", "cara hinchada", "ojos amarillos", "quiero matarme"],
           ["", "no tengo ", "sin ", "desde el lunes ", "mi mujer dice ", "¡¡¡ ", "ayuda ", "😟 "]),
}  # fmt: skip
ENDS = ["", ".", " thanks", " gracias", "\n", " ???", " 🙏", " since yesterday", " otra vez", " x" * 40]
HARMLESS = [
    "fine",
    "bien",
    "no",
    "nothing",
    "1",
    "yes",
    "STOP",
    "ok",
    "👍",
    "все хорошо",
    "不舒服",
    "feever",
    "cnat breth",
]


@pytest.mark.parametrize("language", SPOKEN)
def test_H50_every_danger_in_words_is_red_and_every_other_word_is_a_persons(language: str) -> None:
    words, starts = SPOKEN[language]
    texts = ["".join(parts) for parts in itertools.product(starts, words, ENDS)]
    assert len(texts) > 900
    for text in texts:
        assert judged(other=Given(choice="no", text=text)).is_red, text
    for text in ("".join(parts) for parts in itertools.product(starts[:1], HARMLESS, ENDS)):
        assert judged(other=Given(choice="no", text=text)).level != "routine", text


def test_H50_words_only_ever_raise() -> None:
    for question, choice in CHOICES:
        plain = judged(**{question.id: Given(choice=choice.id)})
        written = judged(**{question.id: Given(choice=choice.id, text="no fever, all fine")})
        assert LEVELS.index(written.level) >= LEVELS.index(plain.level)


def test_H51_answers_that_name_no_open_check_in_are_a_persons() -> None:
    assert judged(Context(misplaced=True)).level == "24h"
    assert judged(Context(misplaced=True), rash=worst("rash", 2)).level == "24h", "it is no amber"
