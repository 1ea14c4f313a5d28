"""The end of a cohort: what is written down is the plan of what was entered, and the report counts it so."""

from collections import Counter
from collections.abc import Iterator, Mapping

import sqlalchemy as sa

from db import batches
from db.engine import reading
from db.tables import Item
from schedules import adherence, days
from schedules import plan as planning
from schedules.adherence import Duty, Measure
from schedules.facts import Class, Plan
from service.flows import reports
from service.flows.reports import Question
from tests.years.cohort import Broken, Chart, Cohort, Life


def figures(cohort: Cohort) -> Mapping[str, Mapping[str, int]]:
    """The parts of the on-time rate, with and without grace, and of what is left out: as both count them."""
    section = reports.adherence(cohort.engine, Question(clinic_id=cohort.clinic_id), now=cohort.clock()).total
    reported = {one.name: _parts(one) for one in (section.on_time, section.without_grace)}
    counted = _counted(cohort, section.on_time)
    if reported != counted:
        raise Broken(f"cohort {cohort.seed}: the report says {reported}, what happened was {counted}")
    return reported


def _parts(measure: Measure) -> Mapping[str, int]:
    return dict(+(Counter(measure.parts) + Counter(measure.excluded)))


def _counted(cohort: Cohort, asked: Measure) -> Mapping[str, Mapping[str, int]]:
    """From what was entered alone: planned once, from nothing, and counted by the pure measure."""
    found: dict[str, Counter[str]] = {}
    for chart in cohort.charts.values():
        today = days.local_day(cohort.clock(), days.zone(chart.zone))
        items = [item for life in chart.lives.values() for item in _plan(cohort, chart, life).items]
        duties = [Duty.of(item) for item in items if item.kind == "test"]
        for grace in (True, False):
            measure = adherence.on_time(duties, asked.period, as_of=today, grace=grace)
            found.setdefault(measure.name, Counter()).update(_parts(measure))
    return {name: dict(+parts) for name, parts in found.items()}


def _plan(cohort: Cohort, chart: Chart, life: Life) -> Plan:
    today = days.local_day(cohort.clock(), days.zone(chart.zone))
    return planning.plan(life.course, life.events, chart.draws, today=today, known_at=cohort.clock())


def same_items(cohort: Cohort) -> int:
    """How many items there are, once each is found to be the one that a plan of everything entered has."""
    written: Counter[tuple[object, ...]] = Counter(_written(cohort))
    planned: Counter[tuple[object, ...]] = Counter(
        (life.key[1], item.clock, item.ordinal, item.due_on, item.class_, item.collected_on)
        for chart in cohort.charts.values()
        for life in chart.lives.values()
        for item in _plan(cohort, chart, life).items
    )
    if written != planned:
        some = sorted(map(str, (written - planned) + (planned - written)))[:6]
        raise Broken(f"cohort {cohort.seed}: items and plans differ, as in {some}")
    return written.total()


def _written(cohort: Cohort) -> Iterator[tuple[object, ...]]:
    table = batches.table(Item)
    query = sa.select(table).where(table.c.clinic_id == cohort.clinic_id)
    with reading(cohort.engine) as session:
        for row in session.execute(query):
            kind = row.class_
            if kind is not Class.WITHDRAWN:
                yield row.course_id, row.clock, row.ordinal, row.due_on, kind, row.collected_on
