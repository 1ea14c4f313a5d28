"""A report's figures in plain values: the documented JSON, and the rows of a table with the same figures.

The JSON, in which null is no data, never 0 % or 100 %:

    report          "adherence"
    period          {"from": day, or null for all time, "to": day}
    as_of           the moment, in UTC; planned_again: whether from what was known then
    medicine        what was asked for, or null; protocol likewise
    method          in words, with grace_days_used: {days of grace: items that had them}
    by, rule        by what it is told apart, and the rule in words
    groups          [{BY: name, …}], each with the same keys as total; their counts add up to its
    total           patients (who is in two groups is one here), courses, measures, lateness
      measures      by name {"numerator", "denominator", "rate": a fraction or null, "parts", "excluded"}:
                    on-time, on-time-without-grace, days-in-date, very-late (over 28 days), coverage;
                    check-ins and reminder-effect/AUDIENCE/RUNG where there are any. Parts add up to the
                    denominator; excluded are counted by class. coverage lists patients_without: clinic, mrn.
                    By phase and month the measures of days and of patients are left out, as their rule says
      lateness      {"items", "first_quartile", "median", "third_quartile": days, "excluded"}
"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

from schedules import groups
from schedules.adherence import Lateness, Measure
from service.flows import spreadsheets
from service.flows.reports import Report, Section

GRACE = "min(3, half the interval) days for intervals under 28 days, 7 under 56, else 14"
COLUMNS = ("by", "group", "from", "to", "as_of", "measure", "part", "kind", "value", "denominator", "rate")
ALL = "(all)"
CHOICE = "product choice: no guideline gives them; a protocol's phase may set its own"


class Figure(NamedTuple):
    """One figure of one group (None: of all together).

    `kind` is `numerator` or `rest` (they add up to the denominator), `excluded`, `figure`, or `patient`, a
    medical record number to be called.
    """

    group: str | None
    measure: str
    part: str
    kind: str
    value: int | str | None
    denominator: int | None = None
    rate: float | None = None


def as_json(report: Report) -> dict[str, Any]:
    question = report.question
    return {
        "report": "adherence",
        "period": {
            "from": question.first and question.first.isoformat(),
            "to": report.period.last.isoformat(),
        },
        "as_of": stamp(report.moment),
        "planned_again": question.as_of is not None,
        "medicine": question.medicine,
        "protocol": question.protocol,
        "method": {
            "items": "of test clocks, by their last day on time",
            "grace": GRACE,
            "grace_days_used": {str(days): count for days, count in sorted(report.total.grace.items())},
            "grace_is": CHOICE,
            "quartiles": "nearest rank: each is a number of days that occurred",
        },
        "by": question.by.value,
        "rule": groups.RULES[question.by],
        "groups": [
            {question.by.value: name} | _section(report, section) for name, section in report.groups.items()
        ],
        "total": _section(report, report.total),
    }


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def figures(report: Report) -> Iterator[Figure]:
    for name, section in [*report.groups.items(), (None, report.total)]:
        yield from _figures(report, name, section)


def as_csv(report: Report) -> str:
    """A line for each figure; an empty value is no data. Counts that are not excluded add up."""
    first, last = report.question.first, report.period.last
    period = (first.isoformat() if first else "", last.isoformat(), stamp(report.moment))
    by = report.question.by.value
    lines = ((by, ALL if group is None else group, *period, *rest) for group, *rest in figures(report))
    return spreadsheets.as_csv(COLUMNS, lines)


def measures_of(section: Section) -> list[Measure]:
    """The measures that are a part of a whole; check-ins and reminders when there are any."""
    asked = [section.check_ins] if section.check_ins.denominator else []
    return [
        *(section.on_time, section.without_grace, section.lateness.very_late),
        *(measure for measure in (section.days_in_date, section.coverage) if measure is not None),
        *(*asked, *section.reminders.values()),
    ]


def _section(report: Report, section: Section) -> dict[str, Any]:
    return {
        "patients": section.patients,
        "courses": section.courses,
        "measures": {measure.name: _measure(report, measure) for measure in measures_of(section)},
        "lateness": _lateness(section.lateness),
    }


def _measure(report: Report, measure: Measure) -> dict[str, Any]:
    found: dict[str, Any] = {
        "numerator": measure.numerator,
        "denominator": measure.denominator,
        "rate": measure.rate,
        "parts": dict(measure.parts),
        "excluded": dict(measure.excluded),
    }
    if measure.name == "coverage":
        found["patients_without"] = [
            {"clinic": clinic, "mrn": mrn} for clinic, mrn in numbers_of(report, measure)
        ]
    return found


def numbers_of(report: Report, measure: Measure) -> list[tuple[str, str]]:
    """The clinic and number of each patient whom a measure names."""
    return sorted(report.numbers[patient] for patient in measure.names)


def _lateness(lateness: Lateness) -> dict[str, Any]:
    first, median, third = lateness.quartiles or (None, None, None)
    return {
        "items": sum(lateness.items.values()),
        "first_quartile": first,
        "median": median,
        "third_quartile": third,
        "excluded": dict(lateness.excluded),
    }


def _figures(report: Report, group: str | None, section: Section) -> Iterator[Figure]:
    for name, count in (("patients", section.patients), ("courses", section.courses)):
        if count is not None:
            yield Figure(group, "followed", name, "figure", count)
    for measure in measures_of(section):
        yield from _parts(group, measure)
        for _, mrn in numbers_of(report, measure):
            yield Figure(group, measure.name, "without", "patient", mrn)
    for name, days in _lateness(section.lateness).items():
        if name != "excluded":
            yield Figure(group, "lateness", name, "figure", days)


def _parts(group: str | None, measure: Measure) -> Iterator[Figure]:
    whole = measure.denominator
    for part, count in measure.parts.items():
        kind = "numerator" if part == measure.counted else "rest"
        yield Figure(group, measure.name, part, kind, count, whole, count / whole if whole else None)
    for class_, count in measure.excluded.items():
        yield Figure(group, measure.name, class_, "excluded", count)
