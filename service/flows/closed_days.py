"""A clinic's closed days: set whole, and what follows for visits that are booked and for what waits."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import audit, clinics, closed_days, items, work_items
from db.batches import Key
from db.closed_days import Said
from db.engine import reading, writing
from db.items import Stored
from schedules import days, ladder
from schedules.closed_days import ClosedDays
from schedules.fields import Level
from service.clock import Clock
from service.errors import Fault, Problem
from service.flows import rungs

KIND = "appointment-on-closed-day"
BOOKED = "closed-day/"  # what the key of a work item about a booked visit begins with
SOON = timedelta(days=7)  # a visit nearer than this is moved within a day: a product choice
AT_ONCE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A clinic's closed days. Version 0: none were set yet, so it is always open."""

    id: UUID  # the clinic's
    version: int
    set_by: str | None
    set_at: datetime | None
    weekdays: Sequence[int]
    dates: Sequence[sa.Row]


def show(session: Session, clinic_id: UUID) -> Shown:
    found = closed_days.newest(session, clinic_id)
    if found is None:
        return Shown(id=clinic_id, version=0, set_by=None, set_at=None, weekdays=[], dates=[])
    return Shown(
        id=clinic_id,
        version=found.version,
        set_by=found.set_by,
        set_at=found.set_at,
        weekdays=[int(day) for day in found.weekdays],
        dates=closed_days.dates(session, (clinic_id, found.id)),
    )


def version(session: Session, clinic_id: UUID) -> int:
    found = closed_days.newest(session, clinic_id)
    return 0 if found is None else int(found.version)


def put(session: Session, clinic_id: UUID, said: Said, *, version: int, by: str, now: datetime) -> Shown:
    """The clinic's closed days from now on, whole. A visit that is booked on one is a work item at once."""
    closed_days.put(session, clinic_id, said, version=version + 1, by=by, now=now)
    subject = ("closed-days", str(version + 1))
    detail = {"weekdays": len(said.weekdays), "dates": len(said.names)}
    audit.record(session, clinic_id, by, "set closed days", subject=subject, now=now, detail=detail)
    look(session, clinic_id, now=now)
    return show(session, clinic_id)


def refuse(session: Session, clinic_id: UUID, day: date) -> None:
    """Problem when nobody can come on that day: it names the next one on which they can."""
    closed = closed_days.of_one(session, clinic_id)
    if closed.has(day):
        what = f"the clinic is closed on that day: the next open one is {_next(closed, day)}"
        raise Problem(422, "The request is not valid.", errors=[Fault("body.at", what)])


def _next(closed: ClosedDays, day: date) -> str:
    return closed.next_open(day).isoformat()


# ---- visits that are booked


def look(session: Session, clinic_id: UUID, *, now: datetime) -> None:
    """A work item for each visit that is booked on a closed day; one that no longer is ends."""
    clinic = clinics.get(session, clinic_id)
    assert clinic is not None
    today = days.local_day(now, days.zone(clinic.time_zone))
    closed = closed_days.of_one(session, clinic_id)
    booked = items.booked(session, clinic_id, since=today)
    found = {f"{BOOKED}{row.id}": row for row in booked if closed.has(_day(row))}
    told = {key for _, key in work_items.beginning(session, clinic_id, BOOKED)}
    over = [(clinic_id, key) for key in sorted(told - found.keys())]
    work_items.finish(session, over, outcome="nothing is booked on a closed day", now=now)
    new = [_work(key, row, closed, today, now) for key, row in found.items() if key not in told]
    work_items.raise_(session, new, now=now)


def _day(row: Stored) -> date:
    assert row.item.appointment is not None
    return row.item.appointment.date()


def _work(key: str, row: Stored, closed: ClosedDays, today: date, now: datetime) -> dict[str, Any]:
    day = _day(row)
    level: Level = "24h" if day - today <= SOON else "routine"
    about = f"booked for {day}, when the clinic is closed: the next open day is {_next(closed, day)}"
    whose = {"clinic_id": row.clinic_id, "patient_id": row.patient_id, "course_id": row.course_id}
    what = {"kind": KIND, "level": level, "role": "coordinator", "about": about, "key": key}
    return whose | what | {"item_id": row.id, "due_by": now + ladder.DUE_BY[level]}


# ---- what waits


def tick(engine: Engine, clock: Clock, *, go_on: Callable[[], bool] = lambda: True) -> None:
    """Compute what waits again by closed days that were set since: a page of a clinic at a time."""
    with reading(engine) as session:
        keys = closed_days.to_follow(session)
    for key in keys:
        if not _follow(engine, key, clock, go_on):
            return


def _follow(engine: Engine, key: Key, clock: Clock, go_on: Callable[[], bool]) -> bool:
    """Whether it came to the end. Begun again after a stop it does the same again, which changes nothing."""
    after: UUID | None = None
    while True:
        with writing(engine) as session:
            page = items.open_after(session, key[0], after, limit=AT_ONCE)
            still = items.lock_open(session, page)
            rows = [row for row in items.of(session, page).values() if row.id in still]
            rungs.climb(session, rows, now=clock())
            if len(page) < AT_ONCE:
                closed_days.followed(session, key, now=clock())
                return True
        after = page[-1][1]
        if not go_on():
            return False
