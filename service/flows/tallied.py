"""The figures of now from what SQL puts together: as many items as there are, and few objects."""

from collections.abc import Iterable
from datetime import date, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import adherence as records
from db import tallies
from db.adherence import Scope
from schedules.adherence import Cover, Duty
from service.flows import followed
from service.flows import heaps as piling
from service.flows.heaps import Heaps


def fill(session: Session, scope: Scope, heaps: Heaps) -> None:
    for zone in tallies.zones(session, scope):
        heaps.today(zone)
    if not heaps.todays:
        return
    by, todays, period = heaps.by, heaps.todays, heaps.period
    _medicine(heaps, tallies.medicine(session, scope, by, todays, period))
    for row in tallies.people(session, scope, by, todays, period):
        heaps.heaps[_group(heaps, row.of), row.today].people += row.n
    for row in tallies.alike(session, scope, by, todays, period):
        today = row.today or max(todays.values())  # what is closed does not ask
        for heap in heaps.on(_group(heaps, row.of), today):
            heap.duties.append(_duty(row))
    for row in tallies.overdue_edges(session, scope, by, todays, period):
        if row.day < date.max:
            for heap in heaps.on(_group(heaps, row.of), row.today):
                heap.edges.overdue[row.day] += row.change
    held = [row for row in records.courses(session, scope, held=True)]
    for one in followed.found(session, scope, moment=heaps.moment, rows=held):
        piling.add_records(heaps, one)


def _group(heaps: Heaps, of: UUID | str | None) -> str | None:
    return heaps.names[of] if isinstance(of, UUID) else of


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


def _medicine(heaps: Heaps, rows: Iterable[sa.Row]) -> None:
    for row in rows:
        group = _group(heaps, row.of)
        for heap in heaps.on(group, row.today):
            if row.kind in ("begun", "ended"):
                heap.edges.medicine[row.day] += row.n if row.kind == "begun" else -row.n
            else:
                heap.courses += row.n
        if row.kind in ("covered", "without"):
            _add_cover(heaps, group, row)


def _add_cover(heaps: Heaps, group: str | None, row: sa.Row) -> None:
    if row.kind == "covered":
        cover = Cover(patient="", course=f"{group} {row.today}", open_item=True, times=row.n)
    else:
        cover = Cover(patient=str(row.patient_id), course=str(row.id), open_item=False)
        heaps.numbers[cover.patient] = heaps.names[row.clinic_id], row.mrn
    for heap in heaps.on(group, row.today):
        heap.covers.append(cover)
