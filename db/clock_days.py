"""Days of test clocks that were never held: on each day, how many begin to count less how many cease."""

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, days, grouped
from db.coverage import FIRST
from db.grouped import Asked
from db.tables import Item
from schedules.clock_days import WERE_OPEN

# In the words of the index ix_item_late, which tells SQLite that it may be used.
LATE = sa.text("item.kind = 'test' AND (item.closed_on IS NULL OR item.closed_on > item.last_on_time)")
OPENED = ", ".join(sorted(f"'{class_.value}'" for class_ in WERE_OPEN if class_ is not None))
COUNTED = sa.text(f"(item.class IS NULL OR item.class IN ({OPENED}))")


def medicine(session: Session, asked: Asked) -> Sequence[sa.Row]:
    """By group, today and `day`, the `change` in how many clocks are on the medicine.

    A clock begins on the due day of its first item: only a hold could give a later item an earlier day.
    """
    mine, theirs = batches.table(Item), _never_held(asked)
    begun = days.later(mine.c.due_on, sa.func.coalesce(theirs.c.enrolled, mine.c.due_on))
    spans = sa.select(
        theirs.c["of"], theirs.c.today, begun.label("begun"), _ended(theirs).label("until")
    ).join_from(mine, theirs, grouped.same(mine.c.course_id, theirs))
    return _edges(session, spans.where(FIRST))


def overdue(session: Session, asked: Asked) -> Sequence[sa.Row]:
    """The same of clocks that are overdue.

    Items of a clock can be overdue at once, when the last part of a panel came late: such days count once.
    """
    late, theirs = _late(asked).subquery("late"), _never_held(asked)
    begun = days.later(late.c.begun, sa.func.coalesce(late.c.before, late.c.begun))
    spans = sa.select(
        theirs.c["of"],
        theirs.c.today,
        days.later(begun, sa.func.coalesce(theirs.c.enrolled, begun)).label("begun"),
        days.earlier(late.c.until, _ended(theirs)).label("until"),
    ).join_from(late, theirs, grouped.same(late.c.course_id, theirs))
    return _edges(session, spans)


def _late(asked: Asked) -> sa.Select:
    """When each item became overdue and ceased to be, and until when one before it was."""
    mine, period = batches.table(Item), asked.period
    until = sa.func.coalesce(mine.c.closed_on, days.NEVER)
    clock = (mine.c.clinic_id, mine.c.course_id, mine.c.clock)
    before = sa.func.max(until).over(partition_by=clock, order_by=mine.c.last_on_time, rows=(None, -1))
    begun = days.after(mine.c.last_on_time)
    columns = (begun.label("begun"), until.label("until"), before.label("before"))
    here = sa.true() if asked.scope.clinic_id is None else mine.c.clinic_id == asked.scope.clinic_id
    within = sa.and_(here, mine.c.last_on_time <= period.last, until > period.first)
    return sa.select(mine.c.clinic_id, mine.c.course_id, *columns).where(LATE, COUNTED, within)


def _never_held(asked: Asked) -> sa.CTE:
    """Computed first: a planner would look each course up again for every one of its items."""
    every = grouped.courses(asked, "enrolled", "ended_on").subquery("every")
    return sa.select(every).where(sa.not_(every.c.held)).cte("theirs").prefix_with("MATERIALIZED")


def _ended(theirs: sa.CTE) -> sa.ColumnElement[date]:
    return sa.func.coalesce(theirs.c.ended_on, days.NEVER)


def _edges(session: Session, spans: sa.Select) -> Sequence[sa.Row]:
    """Where spans of days begin and where they end."""
    some = spans.subquery("span")
    real = sa.select(some).where(some.c.begun < some.c.until).cte("real")

    def edge(day: sa.ColumnElement[date], change: sa.ColumnElement[Any]) -> sa.Select:
        of = (real.c["of"], real.c.today)
        return sa.select(*of, day.label("day"), change.label("change")).group_by(*of, day)

    count = sa.func.count()
    return session.execute(sa.union_all(edge(real.c.begun, count), edge(real.c.until, -count))).all()
