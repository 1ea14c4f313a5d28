"""Whatever happened: SQL over what is written down says the same as the pure measures of the plans.

And every number has its lines, groups add up to the total, and the status is the plan's.
"""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from db import batches, courses
from db.adherence import Scope
from db.engine import reading, writing
from db.tables import Clinic
from db.types import new_id
from schedules import days
from schedules import plan as planning
from schedules.adherence import Measure
from schedules.facts import Draw, Event, Status
from schedules.groups import By
from schedules.protocol import Protocol
from service.clock import WoundClock
from service.flows import lines, prescribing, reports
from service.flows.figures import measures_of
from service.flows.lines import Chosen
from service.flows.reports import Question, Report, Section
from tests.schedules.test_plan_properties import PROTOCOLS, START, a_day, a_draw, a_life, clocks_of
from tests.stories.conftest import Practice

ZONES = ["America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
A_COURSE = st.tuples(
    st.sampled_from(PROTOCOLS),
    a_life(),
    st.lists(a_draw(), max_size=25),
    st.sampled_from(ZONES),
    st.dates(date(1930, 1, 1), date(2015, 1, 1)),
    st.none() | st.integers(1, 200).map(lambda n: START + timedelta(days=n)),
)


@settings(
    max_examples=5,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(A_COURSE, min_size=1, max_size=4), a_day, st.none() | st.tuples(a_day, a_day))
def test_sql_and_the_pure_measures_say_the_same(
    engine: Engine, told: list[Any], today: date, period: tuple[date, date] | None
) -> None:
    now = datetime.combine(max(today, START), time(11), UTC)
    practice = Practice(engine, WoundClock(now), clinic_id=new_id())
    found_clinic(practice)
    for protocol, life, draws, zone, born, enrolled in told:
        happen(practice, protocol, life, draws, time_zone=zone, birth_date=born, enrolled=enrolled)
    first, last = (None, None) if period is None else sorted(period)
    for by in By:
        asked = {"clinic_id": practice.clinic_id, "first": first, "last": last, "by": by}
        counted = reports.adherence(engine, Question(**asked), now=now)
        planned = reports.adherence(engine, Question(**asked, as_of=now), now=now)
        assert (counted.groups, counted.total) == (planned.groups, planned.total)
        add_up(counted)
        have_their_lines(engine, counted, now)
    statuses_are_the_plans(engine, practice, now)


def found_clinic(practice: Practice) -> None:
    called = {"name": f"Clinic {practice.clinic_id}", "phone": "+1 202-555-0100", "emergency_number": "911"}
    row = called | {"id": practice.clinic_id, "time_zone": "America/New_York", "created_at": practice.clock()}
    with writing(practice.engine) as session:
        batches.insert(session, Clinic, [row])


def happen(
    practice: Practice,
    protocol: Protocol,
    life: list[Event],
    draws: list[Draw],
    *,
    enrolled: Any,
    **patient: Any,
) -> None:
    names = clocks_of(protocol)
    patient_id = practice.patient(**patient)
    practice.contact(patient_id)
    course_id = practice.course(patient_id, protocol, START, enrolled=enrolled)
    happened = ("on", "type", "clock", "reason", "review_on", "due_on", "decided_by")
    events = [
        {name: getattr(event, name) for name in happened}
        | {"course_id": course_id, "every": None if event.every is None else str(event.every)}
        for event in life
        if event.clock is None or event.clock in names
    ]
    results = [
        {"analyte": name, "value": draw.values.get(name, 5), "collected_on": draw.on}
        | {"value_as_sent": "", "unit_as_sent": ""}
        for draw in draws
        for name in sorted(draw.components)
    ]
    practice.learn(patient_id, results=results, events=events)


def add_up(report: Report) -> None:
    """The parts of the groups are the parts of the whole, whatever they are told apart by."""
    for name, whole in by_name(report.total).items():
        each = [by_name(section)[name] for section in report.groups.values() if name in by_name(section)]
        if not each:
            assert report.question.by in (By.PHASE, By.MONTH)
            assert name in ("days-in-date", "coverage") or not whole.denominator
            continue
        assert sum((Counter(one.parts) for one in each), Counter()) == +Counter(whole.parts)
        assert sum((Counter(one.excluded) for one in each), Counter()) == +Counter(whole.excluded)


def by_name(section: Section) -> dict[str, Measure]:
    return {measure.name: measure for measure in measures_of(section)}


def have_their_lines(engine: Engine, report: Report, now: datetime) -> None:
    for name in lines.MEASURES:
        found: Counter[tuple[str | None, str]] = Counter()
        for line in every_line(engine, report.question, name, now):
            found[line.group, line.part] += line.count
        for group, section in report.groups.items():
            if (measure := by_name(section).get(name)) is not None:
                figures = Counter(measure.parts) + Counter(measure.excluded)
                assert {part: count for (of, part), count in found.items() if of == group} == dict(figures)


def every_line(engine: Engine, question: Question, name: str, now: datetime) -> list[lines.Line]:
    found, cursor = [], None
    while True:
        page = lines.page(engine, question, Chosen(name), now=now, limit=7, cursor=cursor)
        found += page.lines
        cursor = page.next
        if cursor is None:
            return found


def statuses_are_the_plans(engine: Engine, practice: Practice, now: datetime) -> None:
    with reading(engine) as session:
        known = courses.known(session, courses.of_clinic(session, practice.clinic_id))
    expected, idle = {}, set()
    for facts in known:
        today = days.local_day(now, days.zone(facts.time_zone))
        plan = planning.plan(facts.course, facts.events, facts.draws, today=today)
        if plan.status is not Status.ENDED:
            expected[facts.id] = plan.status
        tests = {item.clock for item in plan.items if item.kind == "test"}
        if plan.end is None and tests - {item.clock for item in plan.open_items}:
            idle.add(facts.id)
    scope = Scope(clinic_id=practice.clinic_id)
    found = prescribing.standings(engine, scope, now=now)
    assert {one.course_id: one.status for one in found} == expected
    without = prescribing.without_next_date(engine, scope, now=now)
    assert {one.course_id for one in without} == idle
    assert "Nothing says why: tell support." not in {one.why for one in without}
