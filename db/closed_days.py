"""When clinics are closed: the newest word of each, and whether what waits was computed with it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db import tables as stored
from db.batches import Key
from db.tables import ClosedDate
from schedules import closed_days
from schedules.closed_days import ClosedDays


@dataclass(frozen=True, slots=True)
class Said:
    """All closed days of a clinic as somebody names them."""

    weekdays: frozenset[int]
    names: Mapping[date, str]  # of each date


def of(session: Session, clinic_ids: Collection[UUID]) -> Mapping[UUID, ClosedDays]:
    """The closed days of those clinics that have some."""
    weekdays: dict[UUID, str] = {}
    dates: dict[UUID, set[date]] = {}
    for row in session.execute(_newest_of(), {"clinics": sorted(clinic_ids)}):
        weekdays[row.clinic_id] = row.weekdays
        dates.setdefault(row.clinic_id, set()).update(() if row.on is None else (row.on,))
    return {id_: ClosedDays(_days(text), frozenset(dates[id_])) for id_, text in weekdays.items()}


def of_one(session: Session, clinic_id: UUID) -> ClosedDays:
    return of(session, [clinic_id]).get(clinic_id, closed_days.NEVER)


@cache
def _newest_of() -> sa.Select:
    said, dates = batches.table(stored.ClosedDays), batches.table(ClosedDate)
    mine = said.c.clinic_id.in_(sa.bindparam("clinics", expanding=True, type_=said.c.clinic_id.type))
    last = sa.select(said.c.clinic_id, sa.func.max(said.c.version).label("version")).where(mine)
    newest = last.group_by(said.c.clinic_id).subquery()
    same = sa.and_(newest.c.clinic_id == said.c.clinic_id, newest.c.version == said.c.version)
    its = sa.and_(dates.c.clinic_id == said.c.clinic_id, dates.c.closed_days_id == said.c.id)
    query = sa.select(said.c.clinic_id, said.c.weekdays, dates.c.on)
    return query.join_from(said, newest, same).join(dates, its, isouter=True)


def _days(weekdays: str) -> frozenset[int]:
    return frozenset(map(int, weekdays))


def newest(session: Session, clinic_id: UUID) -> sa.Row | None:
    said = batches.table(stored.ClosedDays)
    query = sa.select(said).where(said.c.clinic_id == clinic_id).order_by(said.c.version.desc())
    return session.execute(query.limit(1)).one_or_none()


def dates(session: Session, key: Key) -> Sequence[sa.Row]:
    """The dates of one version, in order."""
    rows = batches.table(ClosedDate)
    query = sa.select(rows.c.on, rows.c.name).where(batches.same(rows, key, column="closed_days_id"))
    return session.execute(query.order_by(rows.c.on)).all()


def put(session: Session, clinic_id: UUID, said: Said, *, version: int, by: str, now: datetime) -> None:
    """The clinic's closed days from now on."""
    row = {"clinic_id": clinic_id, "version": version, "set_by": by, "set_at": now}
    row |= {"weekdays": "".join(map(str, sorted(said.weekdays)))}
    [made] = batches.insert(session, stored.ClosedDays, [row])
    its = {"clinic_id": clinic_id, "closed_days_id": made["id"]}
    batches.insert(session, ClosedDate, (its | {"on": on, "name": name} for on, name in said.names.items()))


def to_follow(session: Session) -> list[Key]:
    """The versions with which what waits was not computed yet: they come in the order they were set."""
    said = batches.table(stored.ClosedDays)
    query = sa.select(said.c.clinic_id, said.c.id).where(said.c.followed_at.is_(None))
    return [(row.clinic_id, row.id) for row in session.execute(query.order_by(said.c.id))]


def followed(session: Session, key: Key, *, now: datetime) -> None:
    """What waits was computed with this version."""
    row = {"clinic_id": key[0], "id": key[1], "followed_at": now}
    batches.change(session, stored.ClosedDays, [row])
