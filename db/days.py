"""Days in SQL, the same on both databases: PostgreSQL has dates, SQLite their text."""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

NEVER = date.max


class between(FunctionElement[int]):
    """Whole days from the second day to the first."""

    type = sa.Integer()
    inherit_cache = True


@compiles(between)
def _subtracted(element: Any, compiler: Any, **kw: Any) -> str:
    return "({} - {})".format(*(compiler.process(clause, **kw) for clause in element.clauses))


@compiles(between, "sqlite")
def _by_julian_day(element: Any, compiler: Any, **kw: Any) -> str:
    one, other = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(julianday({one}) - julianday({other}) AS INTEGER)"


class after(FunctionElement[date]):
    """The day after a day."""

    type = sa.Date()
    inherit_cache = True


@compiles(after)
def _added(element: Any, compiler: Any, **kw: Any) -> str:
    return f"({compiler.process(element.clauses, **kw)} + 1)"


@compiles(after, "sqlite")
def _by_modifier(element: Any, compiler: Any, **kw: Any) -> str:
    return f"date({compiler.process(element.clauses, **kw)}, '+1 day')"


class first_of_month(FunctionElement[date]):
    """The first day of a day's month."""

    type = sa.Date()
    inherit_cache = True


@compiles(first_of_month)
def _truncated(element: Any, compiler: Any, **kw: Any) -> str:
    return f"CAST(date_trunc('month', CAST({compiler.process(element.clauses, **kw)} AS timestamp)) AS date)"


@compiles(first_of_month, "sqlite")
def _cut(element: Any, compiler: Any, **kw: Any) -> str:
    return f"(substr({compiler.process(element.clauses, **kw)}, 1, 8) || '01')"


def later(one: sa.ColumnElement[date], other: sa.ColumnElement[date]) -> sa.ColumnElement[date]:
    return sa.case((one < other, other), else_=one)


def earlier(one: sa.ColumnElement[date], other: sa.ColumnElement[date]) -> sa.ColumnElement[date]:
    return sa.case((one < other, one), else_=other)
