"""The PBC cohort's adherence, counted a second time in plain Python from the scheduling rules alone.

The records are GPL and are not in this repository: they are read from the folder in NEXTCOUNT_TEST_DATA.
"""

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from schedules import protocol as protocols
from schedules.groups import By
from service.flows import imports, reports
from service.flows.imports import Manner
from service.flows.intake import NewClinics
from service.flows.reports import Question, Section
from service.ingest import folder, mapping

MAPS = Path(__file__).parents[1] / "data/pbc_map"
NOW = datetime(2026, 3, 2, 17, tzinfo=UTC)
MAYO = NewClinics(time_zone="America/Chicago", phone="+1 507-555-0100", emergency_number="911")


@dataclass(frozen=True)
class Person:
    born: date
    start: date
    ended: date
    visits: tuple[date, ...]


@pytest.fixture(scope="session")
def visits() -> list[dict[str, str]]:
    """The file's rows with dates: who has the number n entered n × 11 days after the beginning of 1974."""
    data = os.environ.get("NEXTCOUNT_TEST_DATA")
    if not data:
        pytest.skip("PBC: set NEXTCOUNT_TEST_DATA to the folder that has longitudinal/pbcseq")
    with (Path(data) / "longitudinal/pbcseq/pbcseq_dev.csv").open(newline="") as stream:
        return [dated(row) for row in csv.DictReader(stream)]


def dated(row: dict[str, str]) -> dict[str, str]:
    start = date(1974, 1, 1) + timedelta(days=11 * int(row["id"]))
    days = {"on": int(row["day"]), "ended": int(row["futime"]), "born": -round(float(row["age"]) * 365.25)}
    return row | {name: str(start + timedelta(days=number)) for name, number in days.items()}


@pytest.fixture
def cohort(engine: Engine, visits: list[dict[str, str]], tmp_path: Path) -> Engine:
    with (tmp_path / "visits.csv").open("w", newline="") as stream:
        lines = csv.DictWriter(stream, visits[0])
        lines.writeheader()
        lines.writerows(visits)
    protocol = protocols.parse((MAPS / "protocol.toml").read_bytes())
    manner = Manner(name="pbc", by="Kim", clinics=MAYO, protocols={protocol.id: protocol})
    outcome = imports.take(engine, folder.read(tmp_path, mapping.load(MAPS / "map.toml")), manner, now=NOW)
    assert (outcome.errors, outcome.new["courses"]) == ((), 156)
    return engine


# ---- counted once more


def people(visits: list[dict[str, str]]) -> list[Person]:
    rows = defaultdict(list)
    for row in visits:
        rows[row["id"]].append({name: date.fromisoformat(row[name]) for name in ("on", "ended", "born")})
    return [
        Person(mine[0]["born"], mine[0]["on"], mine[0]["ended"], tuple(sorted(row["on"] for row in mine)))
        for mine in rows.values()
    ]


def years(day: date, number: int) -> date:
    try:
        return day.replace(year=day.year + number)
    except ValueError:
        return date(day.year + number, 2, 28)


def half_a_year(day: date) -> date:
    year, month = (day.year, day.month + 6) if day.month <= 6 else (day.year + 1, day.month - 6)
    first_of_next = date(year + month // 12, month % 12 + 1, 1)
    return min(date(year, month, 1) + timedelta(days=day.day - 1), first_of_next - timedelta(days=1))


def grace(interval: int) -> int:
    return min(3, interval // 2) if interval < 28 else 7 if interval < 56 else 14


def opens(base: date, due: date) -> date:
    early = max(1, (due - base).days // 4)
    return min(due, max(due - timedelta(days=early), base + timedelta(days=1)))


def items(one: Person) -> Iterator[dict[str, Any]]:
    """Its items: due, the last day on time, the class, and the day of the test that closed it."""
    offsets = [half_a_year(one.start), years(one.start, 1)]
    gaps = [(offsets[0] - one.start).days, (offsets[1] - offsets[0]).days]
    base, due, position = one.start, offsets[0], 0
    for day in sorted({day for day in one.visits if one.start <= day < one.ended}):
        if day < opens(base, due):
            continue
        last = due + timedelta(days=grace((due - base).days))
        yield {"due": due, "last": last, "class": "on-time" if day <= last else "late", "took": day}
        position += 1
        while position < 2:
            offset, gap = offsets[position], gaps[position]
            if offset > day and offset >= day + timedelta(days=-(-gap // 2)):
                break
            passed = "missed" if offset <= day else "covered"
            yield {"due": offset, "last": offset + timedelta(days=grace(gap)), "class": passed, "took": None}
            position += 1
        base, due = day, offsets[position] if position < 2 else years(day, 1)
    last = due + timedelta(days=grace((due - base).days))
    yield {"due": due, "last": last, "class": "ended", "took": None}


def days_in_date(one: Person) -> tuple[int, int]:
    """Days from the first due day to the day before the end, and those of them that were overdue."""
    found = [item for item in items(one) if item["class"] in ("on-time", "late", "ended")]
    begun = half_a_year(one.start)
    whole = overdue = 0
    for number in range((one.ended - begun).days):
        day = begun + timedelta(days=number)
        whole += 1
        overdue += any(item["last"] < day < (item["took"] or one.ended) for item in found)
    return whole, whole - overdue


def counted(found: list[dict[str, Any]]) -> dict[str, Any]:
    classes = Counter(item["class"] for item in found)
    late = sorted((item["took"] - item["due"]).days for item in found if item["took"])
    quartiles = [late[-(-len(late) * quarter // 4) - 1] for quarter in (1, 2, 3)] if late else None
    return {
        **{name: classes[name] for name in ("on-time", "late", "missed", "covered", "ended")},
        "on the day": sum(item["class"] == "on-time" and item["took"] <= item["due"] for item in found),
        "very late": sum(days > 28 for days in late),
        "quartiles": quartiles,
    }


def reported(section: Section) -> dict[str, Any]:
    excluded, quartiles = section.on_time.excluded, section.lateness.quartiles
    return {
        **{name: section.on_time.parts[name] for name in ("on-time", "late", "missed")},
        **{name: excluded.get(name, 0) for name in ("covered", "ended")},
        "on the day": section.without_grace.numerator,
        "very late": section.lateness.very_late.numerator,
        "quartiles": None if quartiles is None else list(quartiles),
    }


# ---- held against each other


def test_the_cohort_has_the_figures_of_an_independent_count(
    cohort: Engine, visits: list[dict[str, str]]
) -> None:
    report = reports.adherence(cohort, Question(), now=NOW)
    found = [item for one in people(visits) for item in items(one)]
    assert reported(report.total) == counted(found)
    days = [days_in_date(one) for one in people(visits)]
    in_date = report.total.days_in_date
    assert in_date is not None
    assert (in_date.denominator, in_date.numerator) == tuple(map(sum, zip(*days, strict=True)))
    assert counted(found)["on-time"] > 400
    assert counted(found)["late"] > 100


@pytest.mark.long
def test_so_it_has_by_month_and_by_age(cohort: Engine, visits: list[dict[str, str]]) -> None:
    last = date(1986, 6, 30)
    by_month, by_age = defaultdict(list), defaultdict(list)
    for one in people(visits):
        age = last.year - one.born.year - ((last.month, last.day) < (one.born.month, one.born.day))
        band = "18–39" if age < 40 else "40–64" if age < 65 else "65–74" if age < 75 else "75 and over"
        for item in items(one):
            if item["last"] <= last:
                by_month[f"{item['last']:%Y-%m}"].append(item)
                by_age[band].append(item)
    for by, expected in ((By.MONTH, by_month), (By.AGE_BAND, by_age)):
        report = reports.adherence(cohort, Question(last=last, by=by), now=NOW)
        some = {name: section for name, section in report.groups.items() if name in expected}
        assert {name: reported(section) for name, section in some.items()} == {
            name: counted(found) for name, found in expected.items()
        }
        assert all(not report.groups[name].on_time.denominator for name in set(report.groups) - set(some))
