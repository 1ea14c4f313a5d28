"""Items as they are written down: the last answer of `plan()`, with the version that only the row knows."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key, in_order
from db.tables import Item
from schedules import facts

PLANNED = tuple(field.name for field in fields(facts.Item))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One row: what was planned, of whom, and which version of it this is."""

    clinic_id: UUID
    id: UUID
    course_id: UUID
    patient_id: UUID
    version: int
    version_at: datetime
    item: facts.Item

    @property
    def key(self) -> Key:
        return self.clinic_id, self.id


OWN = tuple(field.name for field in fields(Stored) if field.name != "item")


def of(session: Session, keys: Sequence[Key]) -> dict[UUID, Stored]:
    """Items by id."""
    return {stored.id: stored for stored in map(_stored, _rows(session, keys, column="id"))}


def open_of(session: Session, clinic_id: UUID) -> list[Key]:
    """The open items of a clinic."""
    items = batches.table(Item)
    mine = sa.and_(items.c.clinic_id == clinic_id, items.c.class_.is_(None))
    return [
        (row.clinic_id, row.id)
        for row in session.execute(sa.select(items.c.clinic_id, items.c.id).where(mine))
    ]


def open_after(session: Session, clinic_id: UUID, after: UUID | None, *, limit: int) -> list[Key]:
    """The open items of a clinic beyond that id, a page at a time."""
    items = batches.table(Item)
    mine = sa.and_(items.c.clinic_id == clinic_id, items.c.class_.is_(None))
    page = sa.select(items.c.clinic_id, items.c.id).where(mine).order_by(items.c.id).limit(limit)
    rows = session.execute(page if after is None else page.where(items.c.id > after))
    return [(row.clinic_id, row.id) for row in rows]


def booked(session: Session, clinic_id: UUID, *, since: date) -> list[Stored]:
    """The open items of a clinic that are booked for that day or later, by when."""
    items = batches.table(Item)
    mine = sa.and_(items.c.clinic_id == clinic_id, items.c.class_.is_(None))
    later = sa.select(*_columns_of(items)).where(mine, items.c.appointment >= since.isoformat())
    return [_stored(row) for row in session.execute(later.order_by(items.c.appointment, items.c.id))]


def open_of_courses(session: Session, keys: Sequence[Key]) -> list[Key]:
    """The open items of the courses."""
    items = batches.table(Item)
    query = sa.select(items.c.clinic_id, items.c.id).where(items.c.class_.is_(None))
    rows = batches.fetch(session, query, items, keys, column="course_id")
    return [(row.clinic_id, row.id) for row in rows]


def of_courses(session: Session, keys: Sequence[Key]) -> dict[UUID, list[Stored]]:
    """Every item of the courses, by course, in the order of clock and ordinal."""
    found: dict[UUID, list[Stored]] = defaultdict(list)
    for row in _rows(session, keys, column="course_id"):
        found[row.course_id].append(_stored(row))
    return found


def write(session: Session, *, new: Iterable[Stored] = (), changed: Iterable[Stored] = ()) -> None:
    """Insert and update. Who closes comes before who opens: a clock has one open item at every statement."""
    closed_first = sorted(changed, key=lambda stored: stored.item.class_ is None)
    for closing in (True, False):
        part = [_columns(stored) for stored in closed_first if (stored.item.class_ is not None) == closing]
        if batches.change(session, Item, part) != len(part):
            raise LookupError("an item to change is not there: its clinic or its id is another")
    batches.insert(session, Item, map(_columns, new))


def locked(session: Session, keys: Iterable[Key]) -> dict[UUID, Stored]:
    """Those that are open, by id and as they are, locked until the commit: see `lock_open`."""
    rows = batches.fetch(session, _open(), batches.table(Item), in_order(keys))
    return {row.id: row for row in map(_stored, rows)}


@cache
def _open() -> sa.Select:
    items = batches.table(Item)
    open_ = sa.select(*_columns_of(items)).where(items.c.class_.is_(None))
    return open_.order_by(items.c.clinic_id, items.c.id).with_for_update()


def lock_open(session: Session, keys: Sequence[Key]) -> dict[UUID, int]:
    """The versions of those that are open, locked until the commit: before their reminders are touched."""
    rows = batches.fetch(session, _open_versions(), batches.table(Item), in_order(keys))
    return {row.id: row.version for row in rows}


@cache
def _open_versions() -> sa.Select:
    items = batches.table(Item)
    query = sa.select(items.c.id, items.c.version).where(items.c.class_.is_(None))
    return query.order_by(items.c.clinic_id, items.c.id).with_for_update()


def _columns_of(items: sa.Table) -> list[Any]:
    return [*(items.c[name] for name in OWN), *(items.c[name].label(name) for name in PLANNED)]


@cache
def _every() -> sa.Select:
    items = batches.table(Item)
    return sa.select(*_columns_of(items)).order_by(items.c.clock, items.c.ordinal)


def _rows(session: Session, keys: Sequence[Key], *, column: str) -> Iterable[sa.Row]:
    return batches.fetch(session, _every(), batches.table(Item), keys, column=column)


def _stored(row: sa.Row) -> Stored:
    values = dict(zip(PLANNED, row[len(OWN) :], strict=True))
    values["phase"] = int(row.phase) if row.phase.isdigit() else row.phase
    values["missing"] = tuple(row.missing)
    values["appointment"] = None if row.appointment is None else datetime.fromisoformat(row.appointment)
    return Stored(item=facts.Item(**values), **dict(zip(OWN, row, strict=False)))


def _columns(stored: Stored) -> dict[str, Any]:
    values = {name: getattr(stored.item, name) for name in PLANNED}
    values["phase"] = str(stored.item.phase)
    values["missing"] = list(stored.item.missing)
    at = stored.item.appointment
    values["appointment"] = None if at is None else at.isoformat()
    return values | {name: getattr(stored, name) for name in OWN}
