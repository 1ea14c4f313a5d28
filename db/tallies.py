"""Adherence where the items are too many for objects: SQL puts together what counts alike, and how often.

It decides nothing: `schedules.adherence` counts what comes of it like any other item.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlmodel import Session

from db import batches, results
from db.adherence import Scope
from db.tables import Course, CourseEvent, Item, Patient
from schedules import groups
from schedules.adherence import Period
from schedules.clock_days import WERE_OPEN
from schedules.facts import Class, EventType
from schedules.groups import By

COLLECTED = (Class.ON_TIME, Class.LATE)
NEVER = date.max
TEST = sa.text("item.kind = 'test'")
GIVEN = sa.text("(item.class IS NULL OR item.class <> 'withdrawn')")  # by the plan as it is


class _days_between(FunctionElement[int]):
    """Whole days from the second date to the first."""

    type = sa.Integer()
    inherit_cache = True


@compiles(_days_between)
def _subtracted(element: Any, compiler: Any, **kw: Any) -> str:
    return "({} - {})".format(*(compiler.process(clause, **kw) for clause in element.clauses))


@compiles(_days_between, "sqlite")
def _by_julian_day(element: Any, compiler: Any, **kw: Any) -> str:
    one, other = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(julianday({one}) - julianday({other}) AS INTEGER)"


class _day_after(FunctionElement[date]):
    type = sa.Date()
    inherit_cache = True


@compiles(_day_after)
def _added(element: Any, compiler: Any, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)} + 1)"


@compiles(_day_after, "sqlite")
def _by_modifier(element: Any, compiler: Any, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)}, '+1 day')"


def zones(session: Session, scope: Scope) -> list[str]:
    """The time zones of the scope's patients."""
    patients = batches.table(Patient)
    query = sa.select(patients.c.time_zone).distinct()
    mine = query if scope.clinic_id is None else query.where(patients.c.clinic_id == scope.clinic_id)
    return list(session.scalars(mine))


def first_start(session: Session, scope: Scope) -> date | None:
    """The start of the first course."""
    ours = batches.table(Course)
    return session.scalar(sa.select(sa.func.min(ours.c.start)).where(scope(ours)))


def alike(session: Session, scope: Scope, by: By, todays: Mapping[str, date], period: Period) -> list[sa.Row]:
    """The items whose last day on time is in the period, those that count alike as one row.

    `last` is the last day on time of one of them; `grace` and `late` are days from the due day. Only what is
    open asks what day it is: of what is closed `today` is None, and nobody's patient is looked up.
    """
    mine, today = batches.table(Item), _today(todays)
    open_now = sa.text("item.class IS NULL")
    closed = _folded(
        scope, by, period, sa.text("item.class <> 'withdrawn'"),
        today=sa.cast(sa.null(), sa.Date), held=sa.false(), overdue=sa.false(), patients=False,
    )  # fmt: skip
    waiting = _folded(
        scope, by, period, open_now,
        today=today, held=mine.c.held, overdue=mine.c.last_on_time < today, patients=True,
    )  # fmt: skip
    return [row for query in (closed, waiting) for row in session.execute(query)]


def _folded(
    scope: Scope,
    by: By,
    period: Period,
    state: sa.TextClause,
    *,
    patients: bool,
    **asked: sa.ColumnElement[Any],
) -> sa.Select:
    ours, mine = batches.table(Course), batches.table(Item)
    late = _days_between(mine.c.collected_on, mine.c.due_on)
    columns = {
        "of": _group(by, period),
        **asked,
        "class_": mine.c.class_,
        "last": mine.c.last_on_time,
        "grace": _days_between(mine.c.last_on_time, mine.c.due_on),
        "late": sa.case((mine.c.class_.in_(COLLECTED), late)),
    }
    each = (
        sa.select(*(column.label(name) for name, column in columns.items()))
        .select_from(_joined(mine, patients=patients or by is By.AGE_BAND))
        .where(scope(ours), TEST, state, mine.c.last_on_time.between(period.first, period.last))
        .cte("each")
    )
    names = [name for name in columns if name != "last"]
    folded = sa.select(
        *(each.c[name] for name in names), sa.func.max(each.c.last).label("last"), sa.func.count().label("n")
    )
    return folded.group_by(*(each.c[name] for name in names))


def _per_clock(scope: Scope, by: By, todays: Mapping[str, date], period: Period) -> sa.CTE:
    """Every course with its test clocks, one row for each."""
    ours, patients, mine = (batches.table(model) for model in (Course, Patient, Item))
    open_now = sa.func.max(sa.case((sa.text("item.class IS NULL"), 1), else_=0))
    key = (mine.c.clinic_id, mine.c.course_id, mine.c.clock)
    clock = (
        sa.select(*key, sa.func.min(mine.c.due_on).label("due"), open_now.label("open"))
        .where(TEST, GIVEN)
        .group_by(*key)
    )
    if scope.clinic_id is not None:
        clock = clock.where(mine.c.clinic_id == scope.clinic_id)
    found, today = clock.subquery("clock"), _today(todays)
    on_medicine = sa.and_(ours.c.start <= today, sa.func.coalesce(ours.c.ended_on, NEVER) > today)
    return (
        sa.select(
            *(ours.c[name] for name in ("clinic_id", "id", "patient_id", "ended_on")),
            patients.c.mrn,
            (_group(by, period) if by in groups.OF_COURSES else sa.cast(sa.null(), sa.Text)).label("of"),
            today.label("today"),
            on_medicine.label("on_medicine"),
            _later(found.c.due, sa.func.coalesce(ours.c.enrolled, found.c.due)).label("begun"),
            sa.func.coalesce(found.c.open, 0).label("open"),
            _held(ours, scope).label("held"),
        )
        .join_from(ours, patients, _of(ours.c.patient_id, patients))
        .outerjoin(found, sa.and_(found.c.clinic_id == ours.c.clinic_id, found.c.course_id == ours.c.id))
        .where(scope(ours))
        .cte("per_clock")
    )


def medicine(
    session: Session, scope: Scope, by: By, todays: Mapping[str, date], period: Period
) -> Sequence[sa.Row]:
    """How many courses are covered, and on each `day` how many clocks begin less how many end, never held.

    Rows of `covered` and `without` are by group and today; `without` only of who is on the medicine, each
    with its patient's id, number and clinic; `others` are not on it.
    """
    clock = _per_clock(scope, by, todays, period)
    course = (
        sa.select(
            *(clock.c[name] for name in ("clinic_id", "id", "patient_id", "mrn", "of", "today")),
            clock.c.on_medicine,
            sa.func.min(clock.c.open).label("open"),
        )
        .group_by(*(clock.c[name] for name in ("clinic_id", "id", "patient_id", "mrn", "of", "today")))
        .group_by(clock.c.on_medicine)
        .cte("per_course")
    )
    spans = sa.and_(
        sa.not_(clock.c.held),
        clock.c.begun.is_not(None),
        clock.c.begun < sa.func.coalesce(clock.c.ended_on, NEVER),
    )
    nobody = [sa.cast(sa.null(), column.type).label(column.name) for column in _who(course)]
    no_day = sa.cast(sa.null(), sa.Date).label("day")
    count = sa.func.count().label("n")

    def edges(kind: str, day: sa.ColumnElement[date]) -> sa.Select:
        query = sa.select(
            sa.literal(kind).label("kind"), clock.c["of"], clock.c.today, day.label("day"), count
        )
        return (
            query.add_columns(*nobody)
            .where(spans, day.is_not(None))
            .group_by(clock.c["of"], clock.c.today, day)
        )

    def courses(kind: str, which: sa.ColumnElement[bool]) -> sa.Select:
        query = sa.select(sa.literal(kind).label("kind"), course.c["of"], course.c.today, no_day, count)
        return query.add_columns(*nobody).where(which).group_by(course.c["of"], course.c.today)

    without = sa.select(
        sa.literal("without"), course.c["of"], course.c.today, no_day, sa.literal(1), *_who(course)
    ).where(course.c.on_medicine, course.c.open == 0)
    return session.execute(
        sa.union_all(
            edges("begun", clock.c.begun),
            edges("ended", clock.c.ended_on),
            courses("covered", sa.and_(course.c.on_medicine, course.c.open == 1)),
            courses("others", sa.not_(course.c.on_medicine)),
            without,
        )
    ).all()


def _who(course: sa.CTE) -> list[sa.ColumnElement[Any]]:
    return [course.c[name] for name in ("clinic_id", "id", "patient_id", "mrn")]


def people(
    session: Session, scope: Scope, by: By, todays: Mapping[str, date], period: Period
) -> Sequence[sa.Row]:
    """How many patients there are, by group and today, and in all under the group None."""
    ours, patients = batches.table(Course), batches.table(Patient)
    each = (
        sa.select(
            (_group(by, period) if by in groups.OF_COURSES else sa.cast(sa.null(), sa.Text)).label("of"),
            _today(todays).label("today"),
            ours.c.clinic_id,
            ours.c.patient_id,
        )
        .join_from(ours, patients, _of(ours.c.patient_id, patients))
        .where(scope(ours))
        .distinct()
        .cte("each")
    )
    whole = sa.select(each.c.today, each.c.clinic_id, each.c.patient_id).distinct().subquery("whole")
    none = sa.cast(sa.null(), each.c["of"].type).label("of")
    return session.execute(
        sa.union_all(
            sa.select(each.c["of"], each.c.today, sa.func.count().label("n"))
            .where(each.c["of"].is_not(None))
            .group_by(each.c["of"], each.c.today),
            sa.select(none, whole.c.today, sa.func.count().label("n")).group_by(whole.c.today),
        )
    ).all()


def overdue_edges(
    session: Session, scope: Scope, by: By, todays: Mapping[str, date], period: Period
) -> Sequence[sa.Row]:
    """On each `day`, how many clocks begin to be overdue less how many cease, of courses never held.

    Items of a clock can be overdue at once, when the last part of a panel came late: such days count once.
    """
    ours, mine = batches.table(Course), batches.table(Item)
    closed, ended = (sa.func.coalesce(column, NEVER) for column in (mine.c.closed_on, ours.c.ended_on))
    begun = _day_after(mine.c.last_on_time)
    spans = (
        sa.select(
            *(mine.c[name] for name in ("clinic_id", "course_id", "clock")),
            (_group(by, period) if by in groups.OF_COURSES else sa.cast(sa.null(), sa.Text)).label("of"),
            _today(todays).label("today"),
            _later(begun, sa.func.coalesce(ours.c.enrolled, begun)).label("begun"),
            sa.case((closed < ended, closed), else_=ended).label("until"),
        )
        .select_from(_joined(mine))
        .where(scope(ours), TEST, sa.text(f"(item.class IS NULL OR item.class IN ({_words(WERE_OPEN)}))"))
        .where(mine.c.last_on_time <= period.last, mine.c.last_on_time < closed, closed > period.first)
        .where(sa.not_(_held(ours, scope)))
        .cte("spans")
    )
    real = sa.select(spans).where(spans.c.begun < spans.c.until).cte("real")
    before = sa.func.max(real.c.until).over(
        partition_by=(real.c.clinic_id, real.c.course_id, real.c.clock),
        order_by=(real.c.begun, real.c.until),
        rows=(None, -1),
    )
    apart = sa.select(
        real.c["of"], real.c.today, real.c.until,
        _later(real.c.begun, sa.func.coalesce(before, real.c.begun)).label("begun"),
    ).cte("apart")  # fmt: skip
    return session.execute(
        sa.union_all(
            *(
                sa.select(apart.c["of"], apart.c.today, column.label("day"), count.label("change"))
                .where(apart.c.begun < apart.c.until)
                .group_by(apart.c["of"], apart.c.today, column)
                for column, count in (
                    (apart.c.begun, sa.func.count()),
                    (apart.c.until, -sa.func.count()),
                )
            )
        )
    ).all()


def _joined(mine: sa.Table, *, patients: bool = True) -> sa.Join:
    ours, theirs = batches.table(Course), batches.table(Patient)
    found = sa.join(mine, ours, _of(mine.c.course_id, ours))
    return found.join(theirs, _of(ours.c.patient_id, theirs)) if patients else found


def _group(by: By, period: Period) -> sa.ColumnElement[Any]:
    """What an item is grouped by: in words, but for a clinic."""
    ours, mine, patients = (batches.table(model) for model in (Course, Item, Patient))
    match by:
        case By.CLINIC:
            return ours.c.clinic_id
        case By.MEDICINE:
            return ours.c.medicine
        case By.PROTOCOL:
            return ours.c.protocol_id
        case By.PHASE:
            return ours.c.protocol_id + sa.literal(" ") + mine.c.clock + sa.literal(" ") + mine.c.phase
        case By.MONTH:
            return sa.func.substr(sa.cast(mine.c.last_on_time, sa.Text), 1, 7)
        case By.AGE_BAND:
            *older, (_, youngest) = groups.age_bands(period.last)
            whens = ((patients.c.birth_date <= latest, sa.literal(name)) for latest, name in older)
            return sa.case(*whens, else_=sa.literal(youngest))


def _today(todays: Mapping[str, date]) -> sa.ColumnElement[date]:
    """Each patient's own day: there are two or three of them in the world at once."""
    patients = batches.table(Patient)
    different = sorted(set(todays.values()))
    whens = [
        (patients.c.time_zone.in_([zone for zone in todays if todays[zone] == day]), sa.literal(day, sa.Date))
        for day in different
    ]
    return sa.case(*whens) if len(whens) > 1 else whens[0][1]


def _held(ours: sa.Table, scope: Scope) -> sa.ColumnElement[bool]:
    """Whether a course was ever held: only then can its clocks have paused."""
    events = batches.table(CourseEvent)
    theirs = sa.and_(events.c.clinic_id == ours.c.clinic_id, events.c.course_id == ours.c.id)
    known = sa.and_(events.c.type == EventType.HOLD, results.standing(events, scope.at))
    return sa.exists().where(theirs, known)


def _later(one: sa.ColumnElement[date], other: sa.ColumnElement[date]) -> sa.ColumnElement[date]:
    return sa.case((one < other, other), else_=one)


def _of(column: sa.ColumnElement[Any], rows: sa.Table) -> sa.ColumnElement[bool]:
    return sa.and_(column.table.c.clinic_id == rows.c.clinic_id, column == rows.c.id)


def _words(classes: frozenset[Class | None]) -> str:
    return ", ".join(f"'{class_.value}'" for class_ in classes if class_ is not None)
