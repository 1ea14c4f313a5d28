"""By what a report tells apart, in SQL: of each course its group, its patient's today, was it ever held."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from db import batches, days, results
from db.adherence import Scope
from db.tables import Course, CourseEvent, Patient
from schedules import groups
from schedules.adherence import Period
from schedules.facts import EventType
from schedules.groups import By


class unordered(FunctionElement[Any]):
    """A column that SQLite groups by without walking an index for its order, from there to every row."""

    inherit_cache = True

    def __init__(self, column: sa.ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


@compiles(unordered)
def _as_it_is(element: Any, compiler: Any, **kw: Any) -> str:
    return str(compiler.process(element.clauses, **kw))


@compiles(unordered, "sqlite")
def _as_a_value(element: Any, compiler: Any, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a report is of. `todays` is what day it is, by time zone."""

    scope: Scope
    by: By
    period: Period
    todays: Mapping[str, date]


def courses(asked: Asked, *names: str) -> sa.Select:
    """The courses with these columns, theirs or the patient's, and `of`, `today`, `held`.

    `of` is null where no course has a group.
    """
    ours, patients = batches.table(Course), batches.table(Patient)
    return (
        sa.select(
            *(ours.c[name] if name in ours.c else patients.c[name] for name in ("clinic_id", "id", *names)),
            _of_course(asked).label("of"),
            _today(asked.todays).label("today"),
            _held(asked.scope).label("held"),
        )
        .join_from(ours, patients, same(ours.c.patient_id, patients))
        .where(asked.scope(ours))
    )


def of_items(asked: Asked, mine: sa.Table, theirs: sa.Subquery) -> list[sa.ColumnElement[Any]]:
    """What tells items apart: one column, but for phases, which have three. `theirs` are the courses."""
    match asked.by:
        case By.CLINIC:
            return [unordered(mine.c.clinic_id)]
        case By.MONTH:
            return [days.first_of_month(mine.c.last_on_time)]
        case By.PHASE:
            return [theirs.c.protocol_id, mine.c.clock, mine.c.phase]
    return [theirs.c["of"]]


def same(column: sa.ColumnElement[Any], rows: Any) -> sa.ColumnElement[bool]:
    """The rows that a column means, of the same clinic."""
    return sa.and_(column.table.c.clinic_id == rows.c.clinic_id, column == rows.c.id)


def standing_items(scope: Scope, mine: sa.Table) -> sa.ColumnElement[bool]:
    """Of courses that nobody took back: those are few, and looked up rather than joined."""
    ours = batches.table(Course)
    void = sa.select(ours.c.id).where(ours.c.voided_at.is_not(None))
    here = sa.true() if scope.clinic_id is None else mine.c.clinic_id == scope.clinic_id
    return sa.and_(here, mine.c.course_id.not_in(void))


def _of_course(asked: Asked) -> sa.ColumnElement[Any]:
    ours, patients = batches.table(Course), batches.table(Patient)
    match asked.by:
        case By.CLINIC:
            return ours.c.clinic_id
        case By.MEDICINE:
            return ours.c.medicine
        case By.PROTOCOL:
            return ours.c.protocol_id
        case By.AGE_BAND:
            *older, (_, youngest) = groups.age_bands(asked.period.last)
            whens = ((patients.c.birth_date <= latest, sa.literal(name)) for latest, name in older)
            return sa.case(*whens, else_=sa.literal(youngest))
    return sa.cast(sa.null(), sa.Text)


def _today(todays: Mapping[str, date]) -> sa.ColumnElement[date]:
    """Each patient's own day: there are two or three of them in the world at once."""
    patients = batches.table(Patient)
    different = sorted(set(todays.values()))
    whens = [
        (patients.c.time_zone.in_([zone for zone in todays if todays[zone] == day]), sa.literal(day, sa.Date))
        for day in different
    ]
    return sa.case(*whens) if len(whens) > 1 else whens[0][1]


def _held(scope: Scope) -> sa.ColumnElement[bool]:
    """Whether a course was ever held: only then can its clocks have paused."""
    ours, events = batches.table(Course), batches.table(CourseEvent)
    theirs = sa.and_(events.c.clinic_id == ours.c.clinic_id, events.c.course_id == ours.c.id)
    known = sa.and_(events.c.type == EventType.HOLD, results.standing(events, scope.at))
    return sa.exists().where(theirs, known)
