"""A check-in's answers to a level, its reasons and the advice to give: the rules are the question set's.

Nothing is guessed: what is missing, unknown or cannot be read is red, and what was written in words is a
person's.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from schedules.fields import Cited, Level, Source
from schedules.limits import LEVELS
from schedules.questions import Question, QuestionSet

ROUTINE: Level = "routine"
AMBER: Level = "24h"
RED: tuple[Level, ...] = ("same-day", "emergency")
DEGREES = re.compile(r"\d{2,3}([.,]\d{1,2})?", re.ASCII)
FEVER = "fever"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What came for one question: as it came, whether or not it can be read."""

    choice: str
    number: str = ""  # a temperature
    unit: str = "c"  # or f
    on: date | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What else is known when the answers come."""

    before: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # last time's choices
    neutrophils: Decimal | None = None  # the newest value, in 10*9/L
    misplaced: bool = False  # the answers name no check-in that was open


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that counts: for staff, with where its level is from."""

    level: Level
    sentence: str
    source: str
    question: str | None = None
    advice: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The gravest of the reasons. `advice` names texts, the most urgent first."""

    level: Level
    reasons: tuple[Reason, ...]
    advice: tuple[str, ...]

    @property
    def is_red(self) -> bool:
        return self.level in RED


def assess(asked: QuestionSet, given: Mapping[str, Given], context: Context) -> Assessment:
    """The level of a whole check-in, with every reason for it."""
    found = [reason for question in asked.questions for reason in _judge(asked, question, given)]
    found += _strange(asked, given)
    found += _worse(asked, given, context)
    found += _low_count(asked, found, context)
    found += _ambers(asked, found)
    found += _misplaced(asked, context)
    return _gravest(found)


def not_evaluated(asked: QuestionSet) -> Assessment:
    """What is said when a rule itself fails: a person must look today."""
    rule = asked.rules.not_evaluated
    return _gravest([_reason(rule.level, "The answers could not be evaluated: a rule failed.", rule)])


def _judge(asked: QuestionSet, question: Question, given: Mapping[str, Given]) -> Iterator[Reason]:
    one = given.get(question.id)
    if one is None or not one.choice:
        yield _unread(asked, question, "was not answered")
    elif (place := question.place(one.choice)) is None:
        yield _unread(asked, question, "has an answer that is none of the choices")
    elif (choice := question.choices[place]).level != ROUTINE:
        said = f"{question.title}: {choice.id.replace('-', ' ')}."
        yield _reason(choice.level, said, question, question=question.id, advice=choice.advice)
    if one is not None:
        yield from _degrees(asked, question, one)
        yield from _words(asked, question, one)


def _degrees(asked: QuestionSet, question: Question, one: Given) -> Iterator[Reason]:
    if not one.number.strip():
        return
    celsius = _celsius(one)
    if question.temperature is None or celsius is None:
        yield _unread(asked, question, "has a number that cannot be read")
        return
    low, high = question.temperature.plausible
    if not low <= celsius <= high:
        yield _unread(asked, question, "has a temperature that cannot be a person's")
        return
    for band in reversed(question.temperature.bands):
        inside = (band.below is None or celsius < band.below) and (
            band.from_ is None or celsius >= band.from_
        )
        if inside:
            yield _reason(band.level, f"A temperature of {celsius:.1f} °C.", band, question=question.id)
            return


def _celsius(one: Given) -> Decimal | None:
    if DEGREES.fullmatch(one.number.strip()) is None or one.unit not in ("c", "f"):
        return None
    value = Decimal(one.number.strip().replace(",", "."))
    return value if one.unit == "c" else (value - 32) / Decimal("1.8")


def _words(asked: QuestionSet, question: Question, one: Given) -> Iterator[Reason]:
    for reason in in_words(asked, one.text):
        yield replace(reason, sentence=f"{question.title}: {reason.sentence}", question=question.id)


def in_words(asked: QuestionSet, text: str) -> Iterator[Reason]:
    """What a patient wrote: a person's, and red where a word of it names a danger."""
    red, free = asked.red_words, asked.rules.free_text
    if any(word in text.casefold() for word in red.every):
        yield _reason(red.level, "The patient's own words name a danger.", red)
    elif text.strip():
        yield _reason(free.level, "The patient wrote in words, for a person to read.", free)


def _strange(asked: QuestionSet, given: Mapping[str, Given]) -> Iterator[Reason]:
    """Answers to what was never asked."""
    if any(asked.question(name) is None for name in given):
        rule = asked.rules.not_evaluated
        yield _reason(rule.level, "There are answers to questions that are not in the set.", rule)


def _worse(asked: QuestionSet, given: Mapping[str, Given], context: Context) -> Iterator[Reason]:
    """Answers that are routine by themselves and worse than last time: together one reason."""
    rule = asked.rules.worse_than_last_time
    worse = [each.title for each in asked.questions if _is_worse(each, given.get(each.id), context)]
    if worse:
        yield _reason(rule.level, f"Worse than last time: {'; '.join(worse)}.", rule, question="last-time")


def _is_worse(question: Question, one: Given | None, context: Context) -> bool:
    before = question.place(context.before.get(question.id, ""))
    place = None if one is None else question.place(one.choice)
    if not question.symptom or before is None or place is None or question.choices[place].level != ROUTINE:
        return False
    return place > before


def _low_count(asked: QuestionSet, found: Iterable[Reason], context: Context) -> Iterator[Reason]:
    rule, count = asked.rules.fever_with_low_neutrophils, context.neutrophils
    if count is not None and count < rule.below and any(each.question == FEVER for each in found):
        yield _reason(rule.level, f"Fever with the last neutrophils at {count} {rule.unit}.", rule)


def _ambers(asked: QuestionSet, found: Iterable[Reason]) -> Iterator[Reason]:
    rule = asked.rules.ambers_are_red
    ambers = {reason.question for reason in found if reason.level == AMBER}
    if len(ambers) >= rule.times:
        yield _reason(rule.level, f"{len(ambers)} answers of the level 24h together count as red.", rule)


def _misplaced(asked: QuestionSet, context: Context) -> Iterator[Reason]:
    if context.misplaced:
        rule = asked.rules.misplaced
        yield _reason(
            rule.level, "The answers name no check-in that was open: look which they are for.", rule
        )


def _unread(asked: QuestionSet, question: Question, what: str) -> Reason:
    rule = asked.rules.not_evaluated
    said = f"{question.title}: could not be evaluated, for it {what}."
    return _reason(rule.level, said, rule, question=question.id)


def _reason(
    level: Level, sentence: str, cited: Cited, *, question: str | None = None, advice: str | None = None
) -> Reason:
    return Reason(level=level, sentence=sentence, source=_source(cited), question=question, advice=advice)


def _source(cited: Cited) -> str:
    named = cited.source.title if isinstance(cited.source, Source) else cited.source
    return f"{named or cited.note or 'the question set'} ({cited.evidence or 'product-choice'})"


def _gravest(found: Iterable[Reason]) -> Assessment:
    ordered = sorted(found, key=lambda reason: -LEVELS.index(reason.level))
    level = ordered[0].level if ordered else ROUTINE
    special = [reason.advice for reason in ordered if reason.advice is not None]
    return Assessment(level=level, reasons=tuple(ordered), advice=tuple(dict.fromkeys((level, *special))))
