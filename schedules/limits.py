"""Results against a protocol's limits, and a laboratory's words as a value that can be compared at all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from schedules import analytes, trends
from schedules.facts import Draw
from schedules.protocol import Level, Limit
from schedules.trends import Reading, plain

LEVELS: tuple[Level, ...] = ("routine", "24h", "same-day", "emergency")
NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?", re.ASCII)


class Refusal(StrEnum):
    """Why a reported value is no figure. It is kept as it came, for a person; it closes nothing."""

    UNKNOWN_ANALYTE = "unknown-analyte"
    UNKNOWN_UNIT = "unknown-unit"
    COMPARATOR = "comparator"
    DECIMAL_COMMA = "decimal-comma"
    NOT_A_NUMBER = "not-a-number"
    IMPLAUSIBLE = "implausible"


SENTENCES = {
    Refusal.UNKNOWN_ANALYTE: "this analyte is not in the library",
    Refusal.UNKNOWN_UNIT: "this unit is not known for the analyte: state its unit",
    Refusal.COMPARATOR: "the value is a bound (such as <0.2), not a figure",
    Refusal.DECIMAL_COMMA: "the value has a comma, which can mean two things: write it with a point",
    Refusal.NOT_A_NUMBER: "the value is not a plain number: write it as 3.5",
    Refusal.IMPLAUSIBLE: "the value cannot be a person's: look for a wrong unit or a slipped decimal point",
}


def convert(analyte: str, text: str, unit: str) -> Decimal | Refusal:
    """A value as the laboratory wrote it, in the analyte's own unit; or why it is none, never a guess."""
    if analyte not in analytes.analytes():
        return Refusal.UNKNOWN_ANALYTE
    known = analytes.analyte(analyte)
    try:
        factor = known.factor(unit.strip())
    except ValueError:
        return Refusal.UNKNOWN_UNIT
    number = _number(text.strip())
    if isinstance(number, Refusal):
        return number
    value = number * factor
    return value if known.plausible(value) else Refusal.IMPLAUSIBLE


def _number(text: str) -> Decimal | Refusal:
    if text[:1] in ("<", ">", "≤", "≥", "~"):
        return Refusal.COMPARATOR
    if "," in text:
        return Refusal.DECIMAL_COMMA
    return Decimal(text) if NUMBER.fullmatch(text) else Refusal.NOT_A_NUMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A result beyond a limit: what a person must look at, and how soon."""

    limit: Limit
    analyte: str
    value: Decimal
    on: date
    level: Level
    sentence: str


def judge(
    limits: Iterable[Limit], *, analyte: str, value: Decimal, on: date, before: Iterable[Reading] = (),
    start: date | None = None, indication: str | None = None, flags: Iterable[str] = (),
) -> tuple[Finding, ...]:  # fmt: skip
    """What the limits of a protocol say to one new value, in the analyte's own unit: the most urgent first.

    `before` are the other values of this analyte: those of earlier days count, for trends and several in a
    row. `start` is the first day on the medicine: the newest value up to it is the baseline.
    """
    named = frozenset(flags)
    earlier = sorted(reading for reading in before if reading[0] < on)
    apply = [limit for limit in limits if limit.analyte == analyte and limit.when.holds(indication, named)]
    said = [(limit, _beyond(limit, (on, value), earlier, start)) for limit in apply]
    found = [_finding(limit, value, on, words) for limit, words in said if words is not None]
    return tuple(sorted(found, key=lambda finding: -LEVELS.index(finding.level)))


def readings(draws: Iterable[Draw], analyte: str) -> list[Reading]:
    """The usable values of an analyte by day; a draw without it neither counts nor hides another."""
    return sorted((draw.on, draw.values[analyte]) for draw in draws if analyte in draw.values)


def _beyond(limit: Limit, new: Reading, earlier: list[Reading], start: date | None) -> str | None:
    """In what the value is beyond the limit, in words; None when it is inside (an equal one is)."""
    if limit.trend:
        return trends.beyond(limit, new, earlier, start)
    figure = limit.below if limit.below is not None else limit.above
    assert figure is not None
    assert limit.unit is not None
    known = analytes.analyte(limit.analyte)
    edge = figure * known.factor(limit.unit)
    row = [*earlier, new][-limit.times :]
    if len(row) < limit.times or not all(_is_outside(limit, value, edge) for _, value in row):
        return None
    side = "below" if limit.below is not None else "above"
    words = f"{side} {plain(edge)} {known.unit}"
    return words if limit.times == 1 else f"{words} in {limit.times} successive tests"


def _is_outside(limit: Limit, value: Decimal, edge: Decimal) -> bool:
    return value < edge if limit.below is not None else value > edge


def _finding(limit: Limit, value: Decimal, on: date, words: str) -> Finding:
    known = analytes.analyte(limit.analyte)
    name = known.title[:1].upper() + known.title[1:]
    sentence = f"{name} {plain(value)} {known.unit} on {on.isoformat()}: {words}."
    return Finding(limit=limit, analyte=known.id, value=value, on=on, level=limit.level, sentence=sentence)
