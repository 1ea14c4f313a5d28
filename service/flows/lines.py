"""The line list behind each number of a report: every item, clock or course, and in which part it is counted.

Each line is the pure measure of one fact alone, so lines add up to the report's figures.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import adherence as records
from db.batches import Key
from db.engine import reading
from schedules import adherence as measures
from schedules import clock_days, groups
from schedules.adherence import Duty, Measure, Period
from schedules.groups import By
from service.errors import Refused
from service.flows import followed, reports, spreadsheets
from service.flows.followed import Followed
from service.flows.heaps import Heaps
from service.flows.reports import Question

Counted = Callable[[Duty, Period, date], Measure]
OF_ITEMS: dict[str, Counted] = {
    "on-time": lambda duty, period, day: measures.on_time([duty], period, as_of=day),
    "on-time-without-grace": lambda duty, period, day: measures.on_time(
        [duty], period, as_of=day, grace=False
    ),
    "very-late": lambda duty, period, day: measures.lateness([duty], period).very_late,
}
MEASURES = (*OF_ITEMS, clock_days.NAME, "coverage")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One fact behind a number. `kind` is numerator, rest or excluded; `count` is days, or one."""

    measure: str
    group: str | None
    part: str
    kind: str
    count: int
    clinic: str
    mrn: str
    medicine: str
    protocol: str
    clock: str | None = None
    ordinal: int | None = None
    phase: str | None = None
    due_on: date | None = None
    last_on_time: date | None = None
    collected_on: date | None = None
    days_late: int | None = None


COLUMNS = tuple(Line.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which lines: of one measure, and where given of one group or one part."""

    measure: str
    group: str | None = None
    part: str | None = None

    def __contains__(self, line: Line) -> bool:
        return self.group in (None, line.group) and self.part in (None, line.part)


@dataclass(frozen=True, slots=True)
class Page:
    lines: Sequence[Line]
    next: str | None


def page(
    engine: Engine,
    question: Question,
    chosen: Chosen,
    *,
    now: datetime,
    limit: int,
    cursor: str | None = None,
) -> Page:
    """The lines after the cursor, by course. Refused when the question or the cursor cannot be."""
    if chosen.measure not in MEASURES:
        raise Refused(f"measure: there are lines of {', '.join(MEASURES)}")
    after, skipped = (None, 0) if cursor is None else _read(cursor)
    with reading(engine) as session:
        found: list[Line] = []
        for key, mine in _by_course(session, question, chosen, now=now, after=after):
            rest = mine[skipped:] if key == after else mine
            done = skipped if key == after else 0
            if len(found) + len(rest) > limit:
                taken = limit - len(found)
                return Page([*found, *rest[:taken]], f"{key[0]}.{key[1]}.{done + taken}")
            found += rest
    return Page(found, None)


def _read(cursor: str) -> tuple[Key, int]:
    try:
        clinic_id, course_id, skipped = cursor.split(".")
        return (UUID(clinic_id), UUID(course_id)), int(skipped)
    except ValueError:
        raise Refused("cursor: give the `next` of the page before") from None


def as_csv(lines: Sequence[Line]) -> str:
    return spreadsheets.as_csv(COLUMNS, ([getattr(line, name) for name in COLUMNS] for line in lines))


def _by_course(
    session: Session, question: Question, chosen: Chosen, *, now: datetime, after: Key | None
) -> Iterator[tuple[Key, list[Line]]]:
    asked = reports.ask(session, question, now=now)
    rows = records.courses(session, asked.scope, after=after)
    for one in followed.found(session, asked.scope, moment=asked.heaps.moment, rows=rows):
        lines = [line for line in _lines(asked.heaps, one, chosen.measure) if line in chosen]
        yield (one.row.clinic_id, one.row.id), lines


def _lines(heaps: Heaps, one: Followed, name: str) -> Iterator[Line]:
    today = heaps.today(one.row.time_zone)
    if name in OF_ITEMS:
        yield from _of_items(heaps, one, OF_ITEMS[name], today)
    elif name == clock_days.NAME:
        yield from _of_days(heaps, one, today)
    elif one.on_medicine(today):
        cover = measures.coverage([one.cover()], as_of=today)
        yield from _each(heaps, one, cover, heaps.of_course(one.row))


def _of_items(heaps: Heaps, one: Followed, counted: Counted, today: date) -> Iterator[Line]:
    for clock, duties in sorted(one.tests.items()):
        for ordinal, duty in sorted(duties.items()):
            if duty.last_on_time in heaps.period:
                group = heaps.of_item(one.row, clock, duty.phase, duty.last_on_time)
                measure = counted(duty, heaps.period, today)
                yield from _each(heaps, one, measure, group, clock=clock, ordinal=ordinal, duty=duty)


def _of_days(heaps: Heaps, one: Followed, today: date) -> Iterator[Line]:
    whole = {heaps.of_course(one.row): heaps.period}
    periods = groups.months(heaps.period) if heaps.by is By.MONTH else whole
    for clock, record in sorted(one.records()):
        for group, period in periods.items():
            measure = clock_days.days_in_date([record], period, as_of=today)
            yield from _each(heaps, one, measure, group, clock=clock)


def _each(
    heaps: Heaps,
    one: Followed,
    measure: Measure,
    group: str | None,
    *,
    clock: str | None = None,
    ordinal: int | None = None,
    duty: Duty | None = None,
) -> Iterator[Line]:
    for part, count in [*measure.parts.items(), *measure.excluded.items()]:
        if count:
            yield Line(
                measure=measure.name,
                group=group,
                part=part,
                kind=_kind(measure, part),
                count=count,
                clinic=heaps.names[one.row.clinic_id],
                mrn=one.row.mrn,
                medicine=one.row.medicine,
                protocol=one.row.protocol_id,
                clock=clock,
                ordinal=ordinal,
                phase=None if duty is None else duty.phase,
                due_on=None if duty is None else duty.due_on,
                last_on_time=None if duty is None else duty.last_on_time,
                collected_on=None if duty is None else duty.collected_on,
                days_late=None if duty is None else measures.days_late(duty),
            )


def _kind(measure: Measure, part: str) -> str:
    if part == measure.counted:
        return "numerator"
    return "rest" if part in measure.parts else "excluded"
