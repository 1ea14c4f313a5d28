"""Courses with the items of their clocks: as they are written down now, or planned again as of a past moment.

What was known at a past moment no later entry changes, so neither does what follows from it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import adherence as records
from db import courses
from db.adherence import Scope
from db.batches import batched
from db.courses import CourseFacts
from schedules import days, library
from schedules import plan as planning
from schedules.adherence import Cover, Duty
from schedules.clock_days import Record
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
        is_medicine = self.row.protocol_id != library.check_ins().id
        return is_medicine and self.row.start <= day and (self.ended is None or day < self.ended)

    def records(self) -> Iterator[tuple[str, Record]]:
        """Its test clocks by name."""
        for clock, duties in self.tests.items():
            yield (
                clock,
                Record(
                    duties=tuple(duties.values()),
                    pauses=tuple(self.pauses.get(clock, ())),
                    enrolled=self.row.enrolled,
                    ended=self.ended,
                ),
            )

    def cover(self) -> Cover:
        """A course is covered when each of its test clocks has an open item."""
        clocks = [any(duty.class_ is None for duty in clock.values()) for clock in self.tests.values()]
        return cover(self.row, bool(clocks) and all(clocks))


def cover(row: sa.Row, open_item: bool) -> Cover:
    return Cover(patient=str(row.patient_id), course=str(row.id), open_item=open_item)


def found(
    session: Session, scope: Scope, *, moment: datetime, rows: Iterable[sa.Row] | None = None
) -> Iterator[Followed]:
    """Every course of the scope, or of these rows of it. `moment` is the one of the scope, or now."""
    rows = records.courses(session, scope) if rows is None else rows
    for some in batched(rows):
        if scope.at is not None:
            yield from _planned(session, scope.at, some)
        else:
            yield from _written(session, some, moment)


def _written(session: Session, rows: Sequence[sa.Row], now: datetime) -> Iterator[Followed]:
    keys = [(row.clinic_id, row.id) for row in rows]
    duties: dict[UUID, dict[str, Duties]] = defaultdict(lambda: {TEST: {}, CHECK_IN: {}})
    for item in records.items(session, keys):
        duties[item.course_id][item.kind].setdefault(item.clock, {})[item.ordinal] = _duty(item)
    paused = {
        facts.id: _plan(facts, now).pauses for facts in courses.known(session, records.held(session, keys))
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
        phase=item.phase,
    )


def _planned(session: Session, at: datetime, rows: Sequence[sa.Row]) -> Iterator[Followed]:
    by_id = {row.id: row for row in rows}
    for facts in courses.known(session, [(row.clinic_id, row.id) for row in rows], at=at):
        plan = _plan(facts, at)
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
