"""Results against a protocol's limits, and a laboratory's words as a value that can be compared at all."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from schedules import analytes
from schedules.protocol import Level, Limit

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
    limits: Iterable[Limit], *, analyte: str, value: Decimal, on: date,
    indication: str | None = None, flags: Iterable[str] = (),
) -> tuple[Finding, ...]:  # fmt: skip
    """What the limits of a protocol say to one new value, in the analyte's own unit: the most urgent first.

    A limit that needs earlier values (a trend, or several in a row) is not judged here.
    """
    named = frozenset(flags)
    apply = [limit for limit in limits if limit.analyte == analyte and limit.when.holds(indication, named)]
    found = [finding for limit in apply if (finding := _finding(limit, value, on)) is not None]
    return tuple(sorted(found, key=lambda finding: -LEVELS.index(finding.level)))


def _finding(limit: Limit, value: Decimal, on: date) -> Finding | None:
    """None when the value is inside the limit (an equal one is), or when the limit needs earlier values."""
    figure = limit.below if limit.below is not None else limit.above
    if figure is None or limit.unit is None or limit.times > 1:
        return None
    known = analytes.analyte(limit.analyte)
    edge = figure * known.factor(limit.unit)
    if not (value < edge if limit.below is not None else value > edge):
        return None
    side = "below" if limit.below is not None else "above"
    name = known.title[:1].upper() + known.title[1:]
    words = f"{name} {_plain(value)} {known.unit} on {on.isoformat()}: {side} {_plain(edge)} {known.unit}."
    return Finding(limit=limit, analyte=known.id, value=value, on=on, level=limit.level, sentence=words)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
