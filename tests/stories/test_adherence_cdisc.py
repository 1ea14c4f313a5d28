"""The adherence of thirteen real clinics, counted a second time in SQL.

The SQL (adherence_cdisc.sql) was written from the scheduling rules alone: it reads courses, their ends and
their results, never an item, so the planner, what is written down and the measures are all held against it.
"""

import re
from datetime import UTC, date, datetime, time
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches
from db.engine import reading, writing
from db.tables import Clinic, Course, CourseEvent, Patient, Result
from schedules import protocol as protocols
from service.flows import imports, reports
from service.flows.imports import Manner
from service.flows.intake import NewClinics
from service.flows.reports import Question, Report, Section
from service.ingest import folder, mapping
from service.ingest.rows import Batch

DATA = Path(__file__).parents[1] / "data/cdisc_pilot"
BEFORE = datetime(
    2012, 1, 1, tzinfo=UTC
)  # when everything became known: a plan looks no further than its day
NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
EVER = date(2000, 1, 1)

COUNTS = Path(__file__).with_name("adherence_cdisc.sql").read_text()

FIRSTS = """(SELECT CASE WHEN COUNT(*) = 7 THEN {pick}(day) END FROM (
        SELECT MIN(d.day) AS day FROM draws d
        WHERE d.id = f.id AND d.day >= w.opens AND d.day >= \\1 GROUP BY d.analyte) firsts)"""
MACROS = {
    r"COMPLETE\(([^()]*)\)": FIRSTS.format(pick="MAX"),
    r"COLLECTED\(([^()]*)\)": FIRSTS.format(pick="MIN"),
    r"NEXT\((\w+), (\w+)\)": r"""(SELECT MIN(n.j) FROM steps n
        WHERE n.j > \1.j AND \2.start + n.days >= \1.took + (n.gap + 1) / 2)""",
    r"GRACE\(([^()]*)\)": r"CASE WHEN \1 < 28 THEN LEAST(3, \1 / 2) WHEN \1 < 56 THEN 7 ELSE 14 END",
}
DIALECTS = {
    "postgresql": {r"DAY\(([^()]*)\)": r"(\1 - DATE '2000-01-01')"},
    "sqlite": {
        r"DAY\(([^()]*)\)": r"CAST(julianday(\1) - 2451544.5 AS INTEGER)",
        r"\bGREATEST\(": "MAX(",
        r"\bLEAST\(": "MIN(",
    },
}


def counted_in_sql(
    engine: Engine, *, today: date, first: date = EVER, last: date | None = None, by: str = "k.name"
) -> dict[str, dict[str, int]]:
    """The figures by clinic, from the raw tables; days are numbers in it, the same on both databases."""
    text = re.sub("--.*", "", COUNTS).replace("{by}", by)
    for pattern, expression in {**MACROS, **DIALECTS[engine.dialect.name]}.items():
        text = re.sub(pattern, expression, text)
    named = {"today": today, "first": first, "last": last or today}
    numbers = {name: (day - EVER).days for name, day in named.items()}
    with reading(engine) as session:
        rows = session.execute(sa.text(text), numbers).mappings().all()
    return {row["clinic"]: {name: row[name] for name in row if name != "clinic"} for row in rows}


def reported(section: Section) -> dict[str, int | None]:
    """The same figures from the report."""
    parts, left_out = section.on_time.parts, section.on_time.excluded
    first, median, third = section.lateness.quartiles or (None, None, None)
    return {
        "on_time": section.on_time.numerator,
        "on_the_day": section.without_grace.numerator,
        "late": parts["late"],
        "missed": parts["missed"],
        "overdue": parts["open-and-overdue"],
        "not_yet": left_out.get("open-not-overdue", 0),
        "covered": left_out.get("covered", 0),
        "ended": left_out.get("ended", 0),
        "very_late": section.lateness.very_late.numerator,
        "first_quartile": first,
        "median": median,
        "third_quartile": third,
        "days": section.days_in_date.denominator,
        "days_in_date": section.days_in_date.numerator,
    }


# ---- the study in a database


@cache
def batch() -> Batch:
    return folder.read(DATA, mapping.load(DATA / "map.toml"))


@pytest.fixture
def study(engine: Engine) -> Engine:
    """The study's records, imported today."""
    protocol = protocols.parse((DATA / "protocol.toml").read_bytes(), where="protocol.toml")
    manner = Manner(
        name="cdisc_pilot",
        by="Grace Invented",
        clinics=NewClinics(time_zone="America/New_York", phone="+1 202-555-0100", emergency_number="911"),
        protocols={protocol.id: protocol},
    )
    outcome = imports.take(engine, batch(), manner, now=NOW)
    assert (outcome.errors, outcome.new["results"]) == ((), 17853)
    return engine


@pytest.fixture
def known_all_along(study: Engine) -> Engine:
    """As if every fact had been told before it happened: a plan looks no further than its own day."""
    told = {Clinic: "created_at", Course: "created_at", CourseEvent: "recorded_at", Result: "recorded_at"}
    with writing(study) as session:
        for model, column in {**told, Patient: "ended_recorded_at"}.items():
            session.execute(sa.update(batches.table(model)).values({column: BEFORE}))
    return study


# ---- held against each other


def test_every_clinic_has_the_figures_of_an_independent_count(study: Engine) -> None:
    report = reports.adherence(study, Question(), now=NOW)
    counted = counted_in_sql(study, today=NOW.date())
    assert len(counted) == 13
    assert by_clinic(report) == counted
    total = counted_in_sql(study, today=NOW.date(), by="'all'")["all"]
    assert reported(report.total) == total
    assert (total["on_time"], total["late"], total["missed"]) == (607, 122, 11)
    assert (total["covered"], total["ended"], total["days"], total["days_in_date"]) == (16, 76, 13901, 13163)


def test_so_it_had_on_days_of_the_study(known_all_along: Engine) -> None:
    for day in (date(2012, 10, 1), date(2013, 3, 15), date(2013, 8, 1), date(2014, 2, 1)):
        report = reports.adherence(
            known_all_along, Question(as_of=datetime.combine(day, time(17), UTC)), now=NOW
        )
        counted = counted_in_sql(known_all_along, today=day)
        assert {name: reported(report.groups[name]) for name in counted} == counted
        assert any(figures["late"] for figures in counted.values())
    assert sum(figures["overdue"] for figures in counted.values()) == 1


def test_so_it_has_in_a_period(study: Engine) -> None:
    first, last = date(2013, 4, 1), date(2013, 9, 30)
    report = reports.adherence(study, Question(first=first, last=last), now=NOW)
    assert by_clinic(report) == counted_in_sql(study, today=NOW.date(), first=first, last=last)


def test_what_is_written_down_and_what_was_known_say_the_same(study: Engine) -> None:
    now = reports.adherence(study, Question(), now=NOW)
    again = reports.adherence(study, Question(as_of=NOW), now=NOW)
    assert (again.groups, again.total) == (now.groups, now.total)


def by_clinic(report: Report) -> dict[str, dict[str, int | None]]:
    return {name: reported(section) for name, section in report.groups.items()}
