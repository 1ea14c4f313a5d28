"""What is open for a patient: who ends a record while somebody still has to act says so twice."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from sqlmodel import Session

from db import courses, items, patients, work_items
from db.batches import Key
from schedules import days
from service.errors import Problem


def confirm(session: Session, keys: Sequence[Key], *, now: datetime) -> None:
    """Problem when something is open for these patients of one clinic, and what."""
    found = [*_work(session, keys), *_overdue(session, keys, now)]
    if found:
        said = " and ".join(found)
        raise Problem(
            409, f"Still open: {said}. Look at it, then send `confirmed` as true to go on all the same."
        )


def _work(session: Session, keys: Sequence[Key]) -> Iterator[str]:
    whose = {id_ for _, id_ in keys}
    mine = [row for row in work_items.unfinished(session, keys[0][0]) if row.patient_id in whose]
    red = sum(row.level in work_items.RED for row in mine)
    for count, what in ((red, "alert"), (len(mine) - red, "other work item")):
        if count:
            yield f"{count} {what}{'s' if count > 1 else ''}"


def _overdue(session: Session, keys: Sequence[Key], now: datetime) -> Iterator[str]:
    zones = {row.id: days.zone(row.time_zone) for row in patients.of(session, keys).values()}
    found = items.of_courses(session, courses.of_patients(session, keys))
    open_ = [row for rows in found.values() for row in rows if row.item.class_ is None and not row.item.held]
    late = sum(row.item.last_on_time < days.local_day(now, zones[row.patient_id]) for row in open_)
    if late:
        yield f"{late} overdue {'items' if late > 1 else 'item'}"
