"""What an entry changes for a patient: due dates, what is waiting to be said, visits."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import courses, items, reminders
from db.batches import Key
from db.items import Stored
from db.tables import Audience, Effect
from schedules import visits as visiting
from schedules.facts import Class
from schedules.visits import Asked

Visits = frozenset[tuple[date, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One item that is new, has another due day or another state."""

    course_id: UUID
    clock: str
    ordinal: int
    was_due_on: date | None  # None: it is new
    due_on: date
    class_: Class | None
    held: bool
    appointment: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resaid:
    """The rung that waits on one track of an item, where it is another one than before."""

    course_id: UUID
    clock: str
    ordinal: int
    audience: Audience
    effect: Effect
    was_send_at: datetime | None
    rung: str | None
    send_at: datetime | None  # None: nothing waits any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    on: date
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    dates: tuple[Moved, ...]
    messages: tuple[Resaid, ...]
    visits_gone: tuple[Visit, ...]
    visits_new: tuple[Visit, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What is written of a patient's courses at one moment."""

    items: Mapping[UUID, Stored]
    waiting: Mapping[tuple[UUID, Audience], sa.Row]
    visits: Visits


def look(session: Session, patient: Key) -> Picture:
    found = items.of_courses(session, courses.of_patients(session, [patient]))
    rows = {row.id: row for some in found.values() for row in some}
    said = reminders.of_items(session, [row.key for row in rows.values()])
    waiting = [row for some in said.values() for row in some if row.decided_at is None]
    return Picture(
        items=rows,
        waiting={(row.item_id, row.track): row for row in waiting},
        visits=frozenset((visit.on, visit.components) for visit in visits(list(rows.values()))),
    )


def together(pictures: Iterable[Picture]) -> Picture:
    """What is written of several patients, as if they were one."""
    found = list(pictures)
    return Picture(
        items={id_: row for one in found for id_, row in one.items.items()},
        waiting={key: row for one in found for key, row in one.waiting.items()},
        visits=frozenset(visit for one in found for visit in one.visits),
    )


def visits(rows: Sequence[Stored]) -> list[visiting.Visit[UUID]]:
    return visiting.visits(Asked(row.course_id, row.item) for row in rows)


def since(before: Picture, session: Session, patient: Key) -> Difference:
    """What is written now and was not before."""
    return between(before, look(session, patient))


def between(before: Picture, after: Picture) -> Difference:
    return Difference(
        dates=tuple(_dates(before, after)),
        messages=tuple(_messages(before, after)),
        visits_gone=_sorted(before.visits - after.visits),
        visits_new=_sorted(after.visits - before.visits),
    )


def _dates(before: Picture, after: Picture) -> Iterator[Moved]:
    for id_, row in sorted(after.items.items()):
        was, item = before.items.get(id_), row.item
        if was is not None and _shown(was) == _shown(row):
            continue
        yield Moved(
            course_id=row.course_id,
            clock=item.clock,
            ordinal=item.ordinal,
            was_due_on=None if was is None else was.item.due_on,
            due_on=item.due_on,
            class_=item.class_,
            held=item.held,
            appointment=item.appointment,
            why=item.why,
        )


def _shown(row: Stored) -> tuple[object, ...]:
    return row.item.due_on, row.item.class_, row.item.held, row.item.appointment


def _messages(before: Picture, after: Picture) -> Iterator[Resaid]:
    for item_id, track in sorted(before.waiting.keys() | after.waiting.keys()):
        was, waits = before.waiting.get((item_id, track)), after.waiting.get((item_id, track))
        one = waits if waits is not None else was
        if one is None or (was is not None and waits is not None and was.send_at == waits.send_at):
            continue
        row = after.items.get(item_id) or before.items[item_id]
        yield Resaid(
            course_id=row.course_id,
            clock=row.item.clock,
            ordinal=row.item.ordinal,
            audience=track,
            effect=one.effect,
            was_send_at=None if was is None else was.send_at,
            rung=None if waits is None else waits.rung,
            send_at=None if waits is None else waits.send_at,
        )


def _sorted(found: Visits) -> tuple[Visit, ...]:
    return tuple(Visit(on=on, components=components) for on, components in sorted(found))
