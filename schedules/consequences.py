"""What follows when a patient reports something by themselves: `reports.toml`, one table for all of it."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Literal

from pydantic import Field, StrictInt

from schedules import interactions, triage
from schedules.fields import Cited, Id, Level
from schedules.limits import LEVELS
from schedules.protocol import Medicine
from schedules.questions import QuestionSet

Proposal = Literal["hold", "stop", "dose-increase", "dose-decrease"]  # events that a clinician may accept
UNREADABLE: Level = "same-day"


class Matter(Cited):
    """One choice of a report."""

    id: Id
    level: Level
    proposes: Proposal | None = None


class Late(Cited):
    """From so many days on it is more urgent."""

    days: StrictInt = Field(ge=0)
    level: Level


class Report(Cited):
    """One thing that can be reported: who is asked, how soon, and what is proposed."""

    id: Id
    work: Id
    role: Literal["clinician", "coordinator", "prescriber"]
    choices: tuple[Matter, ...] = Field(min_length=2)
    on: bool = False
    needs_text: bool = False
    advice: Id | None = None
    late: Late | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What is done now, and why: for staff. `advice` names texts for the patient, the most urgent first."""

    level: Level
    work: str
    role: str
    proposes: Proposal | None
    reasons: tuple[str, ...]
    advice: tuple[str, ...]


@cache
def reports() -> dict[str, Report]:
    text = resources.files("schedules").joinpath("library", "reports.toml").read_text("utf-8")
    found = [Report.model_validate(entry) for entry in tomllib.loads(text)["reports"]]
    return {each.id: each for each in found}


def follow(
    report: Report,
    choice: str,
    *,
    on: date | None,
    text: str,
    today: date,
    medicines: Iterable[Medicine],
    asked: QuestionSet,
) -> Consequence:
    """The gravest of all that a report says. What is no choice is a person's on the same day."""
    matter = next((each for each in report.choices if each.id == choice), None)
    found: list[tuple[Level, str]] = [_chosen(report, matter)]
    if report.late is not None and (on is None or (today - on).days >= report.late.days):
        found.append((report.late.level, f"The day is {on or 'not given'}: {report.late.note}"))
    found += [(reason.level, reason.sentence) for reason in triage.in_words(asked, text)]
    found += _together(report, text, medicines)
    ordered = sorted(found, key=lambda each: -LEVELS.index(each[0]))
    level = ordered[0][0]
    return Consequence(
        level=level,
        work=report.work,
        role=report.role,
        proposes=None if matter is None else matter.proposes,
        reasons=tuple(sentence for _, sentence in ordered),
        advice=tuple(dict.fromkeys((level, *([report.advice] if report.advice else [])))),
    )


def _chosen(report: Report, matter: Matter | None) -> tuple[Level, str]:
    if matter is None:
        return UNREADABLE, f"The report on {report.id} could not be evaluated: it has no known answer."
    return matter.level, f"Reported: {report.id}, {matter.id.replace('-', ' ')}."


def _together(report: Report, text: str, medicines: Iterable[Medicine]) -> list[tuple[Level, str]]:
    if not report.needs_text or not text.strip():
        return []
    found = interactions.between(medicines, Medicine(name=" ".join(text.split())[:500]))
    return [(each.level, f"{each.sentence} ({each.source.title}, {each.evidence})") for each in found]
