"""Shares of patients with side effects and with improved control, from what they answered at check-ins.

Product choices: any symptom question answered beyond nothing is a side effect, one of the levels same-day and
emergency a severe one, and the last answer on control in the period counts. No check-in tells what caused it.
"""

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

from schedules.adherence import Measure, Period
from schedules.fields import Evidence, Figure, Model, Text
from schedules.questions import QuestionSet
from schedules.triage import RED

CONTROL, BETTER = "control", "better"
ANY, SEVERE, IMPROVED = "any side effect", "a severe side effect", "improved control"


class Published(Model):
    """A rate that somebody published, never without whom it was counted in."""

    figure: Literal["any", "severe"]
    says: Text
    population: Text
    source: Text
    evidence: Evidence
    percent: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of one patient on a day."""

    patient: str
    on: date
    question: str
    choice: str
    set_key: tuple[str, int]


@cache
def published() -> tuple[Published, ...]:
    text = resources.files("schedules").joinpath("library", "side-effects.toml").read_text("utf-8")
    return tuple(Published.model_validate(entry) for entry in tomllib.loads(text)["published"])


def figures(
    answers: Iterable[Answer], period: Period, sets: Mapping[tuple[str, int], QuestionSet]
) -> tuple[Measure, ...]:
    """Patients of those who answered in the period; without any there is no data, which is not 0 %."""
    by_patient: dict[str, list[Answer]] = defaultdict(list)
    for answer in answers:
        if answer.on in period:
            by_patient[answer.patient].append(answer)
    worst = [_worst(found, sets) for found in by_patient.values()]
    controls = [last for found in by_patient.values() if (last := _control(found)) is not None]
    return (
        _share("any-side-effect", period, ANY, [each > 0 for each in worst]),
        _share("severe-side-effect", period, SEVERE, [each > 1 for each in worst]),
        _share("improved-control", period, IMPROVED, [choice == BETTER for choice in controls]),
    )


def _share(name: str, period: Period, counted: str, told: list[bool]) -> Measure:
    parts = {counted: sum(told), f"without {counted}": len(told) - sum(told)}
    return Measure(name=name, period=period, counted=counted, parts=parts)


def _worst(found: Iterable[Answer], sets: Mapping[tuple[str, int], QuestionSet]) -> int:
    """0 nothing, 1 something, 2 severe."""
    return max((_grade(answer, sets[answer.set_key]) for answer in found), default=0)


def _grade(answer: Answer, asked: QuestionSet) -> int:
    question = asked.question(answer.question)
    place = None if question is None else question.place(answer.choice)
    if question is None or not question.symptom or not place:
        return 0
    return 2 if question.choices[place].level in RED else 1


def _control(found: Iterable[Answer]) -> str | None:
    told = [answer for answer in found if answer.question == CONTROL and answer.choice]
    return max(told, key=lambda answer: answer.on).choice if told else None
