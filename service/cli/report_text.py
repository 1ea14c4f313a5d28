"""A report of adherence for people: plain sentences and a small table."""

from collections.abc import Iterator, Mapping

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schedules import groups
from schedules.adherence import Measure
from service.errors import one_line
from service.flows import figures
from service.flows.reports import Report, Section

NO_DATA = "no data"
NOT_SO = "–"  # the measure cannot be told apart so
MOST_NAMES = 20
HEADER = ("on time", "no grace", "days in date", "median late", "open item")


def plain(report: Report) -> str:
    rows = [(report.question.by.value, *HEADER), *_rows(report)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if number == 0 else cell.rjust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    return "\n".join([*sentences(report), "", *lines]) + "\n"


def show(report: Report) -> None:
    """The same on a terminal."""
    table = Table()
    for number, name in enumerate((report.question.by.value, *HEADER)):
        table.add_column(name, justify="right" if number else "left")
    for row in _rows(report):
        table.add_row(*map(Text, row))
    for sentence in sentences(report):
        typer.echo(sentence)
    Console().print(table)


def sentences(report: Report) -> Iterator[str]:
    total = report.total
    yield _heading(report)
    yield f"Patients: {total.patients}. Courses: {total.courses}."
    yield _on_time(total)
    if total.days_in_date is not None:
        yield f"Days in date: {_of(total.days_in_date, 'days')}{_but(total.days_in_date.excluded)}."
    yield _lateness(total)
    if total.coverage is not None:
        yield _coverage(report, total.coverage)
    if total.check_ins.denominator:
        yield f"Check-ins answered: {_of(total.check_ins, 'sent')}."
    for name, measure in total.reminders.items():
        yield f"Reminder {name}: within 7 days the test was done after {_of(measure, 'sent')}."
    yield f"By {report.question.by.value}: {groups.RULES[report.question.by]}."
    yield f"Grace, the days after the due day that are still on time: {figures.GRACE} ({figures.CHOICE})."


def _heading(report: Report) -> str:
    question = report.question
    since = f"from {question.first} " if question.first else ""
    limits = [f"on {question.medicine}"] if question.medicine else []
    limits += [f"under {question.protocol}"] if question.protocol else []
    what = one_line(" ".join(["Adherence", *limits]))
    again = ", planned again from what was known then" if question.as_of else ""
    period, moment = f"{since}up to {report.period.last}", figures.stamp(report.moment)
    return f"{what}: tests whose last day on time is {period}, as of {moment}{again}."


def _on_time(total: Section) -> str:
    measure = total.on_time
    rest = _counts({part: count for part, count in measure.parts.items() if part != measure.counted})
    return (
        f"On time: {_of(measure, 'tests')}{rest and f'; {rest}'}{_but(measure.excluded)}. "
        f"Without days of grace: {_of(total.without_grace, 'tests')}."
    )


def _lateness(total: Section) -> str:
    if total.lateness.quartiles is None:
        return f"Days from the due day to the test: {NO_DATA}."
    first, median, third = total.lateness.quartiles
    return (
        f"Days from the due day to the test: median {median}, quartiles {first} and {third}; "
        f"more than 28 days late: {_of(total.lateness.very_late, 'tests done')}."
    )


def _coverage(report: Report, measure: Measure) -> str:
    said = f"Patients on a medicine with a test planned: {_of(measure, 'patients')}."
    if not measure.names:
        return said
    named = [one_line(f"{mrn} ({clinic})") for clinic, mrn in figures.numbers_of(report, measure)]
    more = f" and {len(named) - MOST_NAMES} more" if len(named) > MOST_NAMES else ""
    return f"{said} None is planned for: {', '.join(named[:MOST_NAMES])}{more}."


def _of(measure: Measure, what: str) -> str:
    if measure.rate is None:
        return NO_DATA
    return f"{measure.numerator} of {measure.denominator} {what} ({_percent(measure)})"


def _percent(measure: Measure) -> str:
    return NO_DATA if measure.rate is None else f"{100 * measure.rate:.1f} %"


def _counts(parts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {part.replace('-', ' ')}" for part, count in parts.items() if count)


def _but(excluded: Mapping[str, int]) -> str:
    return f"; not counted: {left_out}" if (left_out := _counts(excluded)) else ""


def _rows(report: Report) -> Iterator[tuple[str, ...]]:
    for name, section in report.groups.items():
        yield _row(one_line(name), section)
    yield _row("all", report.total)


def _row(name: str, section: Section) -> tuple[str, ...]:
    median = section.lateness.median
    return (
        name,
        _share(section.on_time),
        _percent(section.without_grace),
        NOT_SO if section.days_in_date is None else _percent(section.days_in_date),
        NO_DATA if median is None else str(median),
        NOT_SO if section.coverage is None else _share(section.coverage),
    )


def _share(measure: Measure) -> str:
    counts = f"{measure.numerator}/{measure.denominator} " if measure.denominator else ""
    return f"{counts}{_percent(measure)}"
