"""Adherence where the items are too many for objects: SQL puts together what counts alike, and how often.

It decides nothing: `schedules.adherence` counts what comes of it like any other item.
"""

from collections.abc import Sequence
from datetime import date
from functools import reduce
from operator import add
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, days, grouped
from db.adherence import Scope
from db.grouped import Asked
from db.tables import Course, Item, Patient
from schedules.groups import By

Columns: TypeAlias = dict[str, sa.ColumnElement[Any]]

TEST = sa.text("item.kind = 'test'")
CLOSED = sa.text("item.class <> 'withdrawn'")
OPEN = sa.text("item.class IS NULL")


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


def people(session: Session, asked: Asked) -> Sequence[sa.Row]:
    """How many patients there are, by group and today, and in all under the group None."""
    each = grouped.courses(asked, "patient_id").subquery("each")
    who = (each.c.today, each.c.clinic_id, each.c.patient_id)
    parts = sa.select(each.c["of"], *who).where(each.c["of"].is_not(None)).distinct().subquery("parts")
    whole = sa.select(*who).distinct().subquery("whole")
    none = sa.cast(sa.null(), parts.c["of"].type).label("of")
    count = sa.func.count().label("n")
    return session.execute(
        sa.union_all(
            sa.select(parts.c["of"], parts.c.today, count).group_by(parts.c["of"], parts.c.today),
            sa.select(none, whole.c.today, count).group_by(whole.c.today),
        )
    ).all()


def alike(session: Session, asked: Asked) -> list[sa.Row]:
    """The items whose last day on time is in the period, those that count alike as one row.

    `last` is the last day on time of one of them; `grace` and `late` are days from the due day. Only what is
    open asks what day it is: of what is closed `today` is None, and courses are looked up for groups alone.
    """
    mine, theirs = batches.table(Item), grouped.courses(asked, "protocol_id").subquery("theirs")
    null = sa.cast(sa.null(), sa.Date)
    then: Columns = {"today": null, "held": sa.false(), "overdue": sa.false()}
    late = mine.c.last_on_time < theirs.c.today
    now: Columns = {"today": theirs.c.today, "held": mine.c.held, "overdue": late}
    joined = mine.join(theirs, grouped.same(mine.c.course_id, theirs))
    alone = asked.by in (By.CLINIC, By.MONTH) and asked.scope.medicine is asked.scope.protocol_id is None
    closed = _each(asked, theirs, {}).where(CLOSED)
    if alone:
        closed = closed.select_from(mine).where(grouped.standing_items(asked.scope, mine))
    else:
        closed = closed.select_from(joined)
    waiting = _each(asked, theirs, now).where(OPEN).select_from(joined)
    return [*session.execute(_folded(closed, then)), *session.execute(_folded(waiting, {}))]


def _each(asked: Asked, theirs: sa.Subquery, moment: Columns) -> sa.Select:
    mine, period = batches.table(Item), asked.period
    columns = {
        **{f"of{number}": column for number, column in enumerate(grouped.of_items(asked, mine, theirs))},
        **moment,
        "class_": mine.c.class_,
        "grace": days.between(mine.c.last_on_time, mine.c.due_on),
        "late": days.between(mine.c.collected_on, mine.c.due_on),
        "last": mine.c.last_on_time,
    }
    query = sa.select(*(column.label(name) for name, column in columns.items()))
    return query.where(TEST, mine.c.last_on_time.between(period.first, period.last))


def _folded(query: sa.Select, constants: Columns) -> sa.Select:
    """Constants stay outside: SQLite would sort by them."""
    each = query.subquery("each")
    alike = [column for column in each.c if column.name != "last"]
    of = [column for column in alike if column.name.startswith("of")]
    words = reduce(lambda one, other: add(one + sa.literal(" "), other), of)
    same = [column.label(name) for name, column in constants.items()]
    figures = (sa.func.max(each.c.last).label("last"), sa.func.count().label("n"))
    return sa.select(words.label("of"), *alike, *same, *figures).group_by(*alike)
