"""The figures of now from what SQL puts together: as many items as there are, and few objects."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import adherence as records
from db import clock_days, coverage, tallies
from db.adherence import Scope
from db.grouped import Asked
from schedules import groups
from schedules.adherence import Cover, Duty
from schedules.clock_days import Edges
from service.flows import followed
from service.flows.heaps import Heaps


def fill(session: Session, scope: Scope, heaps: Heaps) -> None:
    for zone in tallies.zones(session, scope):
        heaps.today(zone)
    if not heaps.todays:
        return
    asked = Asked(scope=scope, by=heaps.by, period=heaps.period, todays=heaps.todays)
    for row in tallies.people(session, asked):
        heaps.heaps[_group(heaps, row.of), row.today].people += row.n
    for row in tallies.alike(session, asked):
        today = row.today or max(heaps.todays.values())  # what is closed does not ask
        for heap in heaps.on(_group(heaps, row.of), today):
            heap.duties.append(_duty(row))
    for row in coverage.counted(session, asked):
        _add_courses(heaps, row)
    _add_edges(heaps, clock_days.medicine(session, asked), lambda edges: edges.medicine)
    _add_edges(heaps, clock_days.overdue(session, asked), lambda edges: edges.overdue)
    held = [row for row in records.courses(session, scope, held=True)]
    for one in followed.found(session, scope, moment=heaps.moment, rows=held):
        for heap in heaps.on(heaps.of_course(one.row), heaps.today(one.row.time_zone)):
            for _, record in one.records():
                heap.edges.add(record, heaps.period)


def _group(heaps: Heaps, of: UUID | date | str | None) -> str | None:
    if isinstance(of, date):
        return groups.month(of)
    return heaps.names[of] if isinstance(of, UUID) else of


def _add_edges(heaps: Heaps, rows: Iterable[sa.Row], which: Callable[[Edges], Counter[date]]) -> None:
    for row in rows:
        if row.day < date.max:
            for heap in heaps.on(_group(heaps, row.of), row.today):
                which(heap.edges)[row.day] += row.change


def _duty(row: sa.Row) -> Duty:
    """One of the items that count alike, standing for all of them."""
    due_on = row.last - timedelta(days=row.grace)
    return Duty(
        due_on=due_on,
        last_on_time=row.last,
        class_=row.class_,
        collected_on=None if row.late is None else due_on + timedelta(days=row.late),
        held=bool(row.held),
        times=row.n,
    )


def _add_courses(heaps: Heaps, row: sa.Row) -> None:
    group = _group(heaps, row.of)
    for heap in heaps.on(group, row.today):
        heap.courses += row.n
        if row.on_medicine:
            heap.covers.append(_cover(heaps, group, row))


def _cover(heaps: Heaps, group: str | None, row: sa.Row) -> Cover:
    if row.covered:
        return Cover(patient="", course=f"{group} {row.today}", open_item=True, times=row.n)
    heaps.numbers[str(row.patient_id)] = heaps.names[row.clinic_id], row.mrn
    return Cover(patient=str(row.patient_id), course=str(row.id), open_item=False)
