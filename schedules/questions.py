"""The model of a question set: what is asked at a check-in, and the level of every answer, with sources."""

import hashlib
import json
import tomllib
from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from schedules.fields import (
    AnalyteId,
    Cited,
    Count,
    Figure,
    Id,
    Length,
    Level,
    Model,
    Source,
    Text,
    Times,
    Wrong,
)


class Choice(Cited):
    """One answer that can be given. `advice` names a text that goes before the one of its level."""

    id: Id
    level: Level
    advice: Id | None = None


class Band(Cited):
    """A temperature in degrees Celsius below a figure, or from one on."""

    below: Figure | None = None
    from_: Figure | None = Field(default=None, alias="from")
    level: Level


class Temperature(Model):
    plausible: tuple[Figure, Figure]
    bands: tuple[Band, ...] = Field(min_length=1)


class Question(Cited):
    """Asked with one choice, from nothing to the worst; `on` asks for a day too, `text` for words."""

    id: Id
    title: Text
    choices: tuple[Choice, ...] = Field(min_length=2)
    temperature: Temperature | None = None
    on: bool = False
    text: bool = False
    symptom: bool = True  # worse than last time means something

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if self.source is None or self.evidence is None:
            raise ValueError("a question has its source and how well it was seen")
        if len({choice.id for choice in self.choices}) < len(self.choices):
            raise Wrong("choices", "two choices have the same id")
        return self

    def place(self, choice: str) -> int | None:
        """How far from nothing a choice is; None for what is no choice."""
        return next((place for place, each in enumerate(self.choices) if each.id == choice), None)


class Rule(Cited):
    level: Level


class Ambers(Rule):
    times: Times


class LowCount(Rule):
    analyte: AnalyteId
    below: Figure
    unit: Text


class Rules(Model):
    ambers_are_red: Ambers
    worse_than_last_time: Rule
    free_text: Rule
    not_evaluated: Rule
    misplaced: Rule
    fever_with_low_neutrophils: LowCount


class RedWords(Rule):
    en: tuple[Text, ...]
    es: tuple[Text, ...]

    @property
    def every(self) -> tuple[str, ...]:
        return (*self.en, *self.es)


class QuestionSet(Model):
    """One version of a set: another figure is another version; answers keep the one they were given to."""

    id: Id
    version: Count
    title: Text
    statement: Text
    recall: Length
    source: Source
    rules: Rules
    red_words: RedWords
    questions: tuple[Question, ...] = Field(min_length=1)

    @cached_property
    def hash(self) -> str:
        document = self.model_dump(mode="json", by_alias=True)
        return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()

    def question(self, name: str) -> Question | None:
        return next((each for each in self.questions if each.id == name), None)


def parse(text: str) -> QuestionSet:
    return QuestionSet.model_validate(tomllib.loads(text))
