"""Courses with the items of their clocks: as they are written down now, or planned again as of a past moment.

What was known at a past moment no later entry changes, so neither does what follows from it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import adherence as records
from db import courses
from db.adherence import Scope
from db.courses import CourseFacts
from schedules import days
from schedules import plan as planning
from schedules.adherence import Duty
from schedules.facts import Plan

TEST, CHECK_IN = records.COUNTED
Duties = dict[str, dict[int, Duty]]  # by clock and ordinal


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """One course with the items of its clocks."""

    row: sa.Row
    tests: Duties
    check_ins: Duties
    pauses: Mapping[str, Sequence[tuple[date, date | None]]]
    ended: date | None

    def on_medicine(self, day: date) -> bool:
        return self.row.start <= day and (self.ended is None or day < self.ended)


def found(session: Session, scope: Scope, *, moment: datetime) -> Iterable[Followed]:
    """Every course of the scope. `moment` is the one of the scope, or now."""
    rows = records.courses(session, scope)
    return _planned(session, scope, rows) if scope.at is not None else _written(session, scope, rows, moment)


def _written(session: Session, scope: Scope, rows: Sequence[sa.Row], now: datetime) -> Iterable[Followed]:
    duties: dict[UUID, dict[str, Duties]] = defaultdict(lambda: {TEST: {}, CHECK_IN: {}})
    for item in records.items(session, scope):
        duties[item.course_id][item.kind].setdefault(item.clock, {})[item.ordinal] = _duty(item)
    paused = {
        facts.id: _plan(facts, now).pauses for facts in courses.known(session, records.held(session, scope))
    }
    for row in rows:
        mine = duties[row.id]
        yield Followed(
            row=row,
            tests=mine[TEST],
            check_ins=mine[CHECK_IN],
            pauses=paused.get(row.id, {}),
            ended=row.ended_on,
        )


def _duty(item: sa.Row) -> Duty:
    return Duty(
        due_on=item.due_on,
        last_on_time=item.last_on_time,
        class_=item.class_,
        collected_on=item.collected_on,
        closed_on=item.closed_on,
        held=item.held,
    )


def _planned(session: Session, scope: Scope, rows: Sequence[sa.Row]) -> Iterable[Followed]:
    by_id = {row.id: row for row in rows}
    assert scope.at is not None
    for facts in courses.known(session, [(row.clinic_id, row.id) for row in rows], at=scope.at):
        plan = _plan(facts, scope.at)
        mine: dict[str, Duties] = {TEST: {}, CHECK_IN: {}}
        for item in plan.items:
            if item.kind in mine:
                mine[item.kind].setdefault(item.clock, {})[item.ordinal] = Duty.of(item)
        yield Followed(
            row=by_id[facts.id],
            tests=mine[TEST],
            check_ins=mine[CHECK_IN],
            pauses=plan.pauses,
            ended=None if plan.end is None else plan.end[0],
        )


def _plan(facts: CourseFacts, moment: datetime) -> Plan:
    today = days.local_day(moment, days.zone(facts.time_zone))
    return planning.plan(facts.course, facts.events, facts.draws, today=today, known_at=moment)
