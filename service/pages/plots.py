"""What a plot shows, in numbers: its bars, and the sentence that says the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from schedules.adherence import LATE, MISSED, ON_TIME, OVERDUE
from schedules.facts import Status
from service.flows import prescribing
from service.flows.reports import Report
from service.flows.side_effects import Figures
from service.pages.templating import percent

MOST_BARS = 40
PARTS = {ON_TIME: "on time", LATE: "late", MISSED: "missed", OVERDUE: "open and overdue"}


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a bar, from and how wide in per cent of the whole."""

    name: str
    x: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    says: str
    pieces: Sequence[Piece]


def on_time(report: Report) -> list[Bar]:
    """A bar for each group, of the parts of its on-time rate."""
    sections = list(report.groups.items())[:MOST_BARS]
    return [_bar(name, section.on_time.parts, percent(section.on_time)) for name, section in sections]


def standings(counts: Mapping[Status, int]) -> list[Bar]:
    """A bar for each status, as long as its share of the courses."""
    whole = sum(counts.values())
    return [
        Bar(
            status.value,
            f"{count} of {whole}",
            [Piece(status.value, 0, 100 * count / whole)] if count else [],
        )
        for status, count in counts.items()
    ]


def side_effects(report: Figures) -> list[Bar]:
    """A bar for each figure that there is, as long as its share of the patients."""
    return [
        Bar(
            measure.counted.capitalize(),
            f"{percent(measure)}: {measure.numerator} of {measure.denominator}",
            [Piece("late", 0, round(100 * measure.rate, 3))] if measure.rate else [],
        )
        for measure in report.measures
    ]


def _bar(label: str, parts: Mapping[str, int], says: str) -> Bar:
    whole, x, pieces = sum(parts.values()), 0.0, []
    for name, count in parts.items():
        if count:
            pieces.append(Piece(name, round(x, 3), round(100 * count / whole, 3)))
            x += 100 * count / whole
    return Bar(label, says, pieces)


def on_time_sentence(report: Report) -> str:
    """What the plot shows, for who does not see it."""
    total = report.total.on_time
    if total.rate is None:
        return "There is no data: no test had its last day on time in these days."
    said = f"On time were {total.numerator} of {total.denominator} tests ({percent(total)})"
    rates = {
        name: section.on_time for name, section in report.groups.items() if section.on_time.rate is not None
    }
    if len(rates) < 2:
        return f"{said}."
    worst = min(rates, key=lambda name: rates[name].rate or 0)
    best = max(rates, key=lambda name: rates[name].rate or 0)
    return f"{said}: most in {best} ({percent(rates[best])}), fewest in {worst} ({percent(rates[worst])})."


def standings_sentence(counts: Mapping[Status, int]) -> str:
    whole = sum(counts.values())
    if not whole:
        return "Nobody is on a medicine."
    bad = counts[Status.OVERDUE] + counts[Status.LAPSED]
    good = f"{counts[Status.IN_DATE] + counts[Status.DUE]} of {whole} courses are in date or due"
    return f"{good}, {bad} are overdue or have lapsed, {counts[Status.HELD]} are held."


MEANINGS = {status.value: prescribing.MEANINGS[status] for status in prescribing.SHOWN}
