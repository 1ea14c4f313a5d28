"""Work items: raised by a key that says what they are about, finished by a person or by what was asked."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, notices
from db.batches import Key, Values
from db.tables import Clinic, Patient, WorkItem, WorkState
from schedules import rota

UNFINISHED = sa.text("state <> 'done'")
RED = frozenset({"same-day", "emergency"})  # the levels of which staff are told at once
MET, NO_LONGER_ASKED = BY_PLAN = ("what it asked was done", "the plan no longer asks it")


def raise_(session: Session, rows: Iterable[Values], *, now: datetime) -> None:
    """Open a work item for each row, or raise the one of that key again: it keeps its owner and deadline.

    A clinic in which a red one is opened is alarmed in the same transaction.
    """
    wanted = batches.complete(WorkItem, (dict(row) | {"opened_at": now, "raised_at": now} for row in rows))
    if not wanted:
        return
    again = batches.upsert(session, WorkItem).on_conflict_do_update(
        index_elements=["clinic_id", "key"],
        index_where=UNFINISHED,
        set_={"raised": batches.table(WorkItem).c.raised + 1, "raised_at": now},
    )
    alarmed = _newly_red(session, wanted)
    for batch in batches.batched(sorted(wanted, key=lambda row: (row["clinic_id"], row["key"]))):
        session.execute(again, batch)
    notices.alarm(session, sorted(alarmed), now=now)


def unacknowledged(session: Session, clinic_ids: Collection[UUID], *, now: datetime) -> Sequence[sa.Row]:
    """The red ones that nobody holds, by clinic, level and kind: how many, the first and the last."""
    work = batches.table(WorkItem)
    what = [work.c[name] for name in ("clinic_id", "level", "kind")]
    figures = (
        sa.func.count().label("many"),
        sa.func.min(work.c.opened_at).label("first"),
        sa.func.max(_touched(work)).label("last"),
    )
    mine = sa.select(*what, *figures).where(work.c.clinic_id.in_(clinic_ids), *_nobody_holds(work, now))
    return session.execute(mine.group_by(*what).order_by(*what)).all()


def red(session: Session, clinic_id: UUID | None = None, *, now: datetime) -> Sequence[sa.Row]:
    """Each red one that nobody holds, of a clinic or of all: since when is opened_at, or a claim's lapse."""
    work = batches.table(WorkItem)
    columns = (work.c[name] for name in ("clinic_id", "id", "level", "kind", "state", "opened_at"))
    query = sa.select(*columns, _touched(work).label("touched_at")).where(*_nobody_holds(work, now))
    return session.execute(query if clinic_id is None else query.where(work.c.clinic_id == clinic_id)).all()


def _nobody_holds(work: sa.Table, now: datetime) -> tuple[Any, ...]:
    """Red, and not claimed, or claimed for too long: an acknowledgement lapses."""
    lapsed = sa.and_(work.c.state == sa.text("'claimed'"), _touched(work) <= now - rota.CLAIMED)
    return UNFINISHED, work.c.level.in_(sorted(RED)), sa.or_(work.c.state == sa.text("'open'"), lapsed)


def _touched(work: sa.Table) -> sa.ColumnElement[datetime]:
    return sa.func.coalesce(work.c.claimed_at, work.c.opened_at, type_=work.c.opened_at.type)


def finish(
    session: Session,
    keys: Sequence[tuple[UUID, str]],
    *,
    outcome: str,
    now: datetime,
    note: str | None = None,
) -> int:
    """Finish the work items of (clinic, key), for what they asked was done; how many there were."""
    return _finish(session, keys, "key", outcome=outcome, now=now, note=note)


def open_again(session: Session, keys: Sequence[tuple[UUID, str]], *, outcome: str) -> int:
    """Open what was finished with this outcome, for it no longer holds; how many there were."""
    work = batches.table(WorkItem)
    again = {"state": WorkState.OPEN, "closed_at": None, "outcome": None, "owner": None}
    statement = sa.update(work).where(work.c.state == sa.text("'done'"), work.c.outcome == outcome)
    return batches.update(session, statement.values(again), work, keys, column="key")


def finish_for_items(session: Session, keys: Sequence[Key], *, outcome: str, now: datetime) -> int:
    """Finish everything about these items: they are closed. What is red says so and stays."""
    return _finish(session, keys, "item_id", outcome=outcome, now=now)


def take_back(session: Session, keys: Sequence[tuple[UUID, str]], *, why: str, now: datetime) -> int:
    """Finish what a person undid whole, red or not."""
    return _close(session, keys, "key", {"outcome": why, "note": None}, now)


def beginning(session: Session, clinic_id: UUID | None, prefix: str) -> list[tuple[UUID, str]]:
    """The (clinic, key) of the unfinished work items of a clinic, or of all, whose key begins so."""
    work = batches.table(WorkItem)
    query = sa.select(work.c.clinic_id, work.c.key).where(UNFINISHED)
    query = query if clinic_id is None else query.where(work.c.clinic_id == clinic_id)
    return [
        (row.clinic_id, row.key)
        for row in session.execute(query.where(work.c.key.startswith(prefix, autoescape=True)))
    ]


def among(session: Session, keys: Sequence[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Those of these (clinic, key) that are unfinished."""
    rows = batches.fetch(session, _unfinished(), batches.table(WorkItem), keys, column="key")
    return {(row.clinic_id, row.key) for row in rows}


@cache
def _unfinished() -> sa.Select:
    work = batches.table(WorkItem)
    return sa.select(work.c.clinic_id, work.c.key).where(UNFINISHED)


def newest(session: Session, keys: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], datetime]:
    """When the newest work item of each (clinic, key) was last raised, also one that a person finished.

    One that the plan itself finished does not count: asked again, it is news.
    """
    rows = batches.fetch(session, _raised(), batches.table(WorkItem), keys, column="key")
    return {(row.clinic_id, row.key): row.raised_at for row in rows}


@cache
def _raised() -> sa.Select:
    work = batches.table(WorkItem)
    by_plan = sa.and_(work.c.state == sa.text("'done'"), work.c.outcome.in_(BY_PLAN))
    query = sa.select(work.c.clinic_id, work.c.key, sa.func.max(work.c.raised_at).label("raised_at"))
    return query.where(sa.not_(by_plan)).group_by(work.c.clinic_id, work.c.key)


def with_keys(session: Session, keys: Sequence[tuple[UUID, str]]) -> dict[tuple[UUID, str], UUID]:
    """The id of the newest work item of each (clinic, key)."""
    work = batches.table(WorkItem)
    query = sa.select(work.c.clinic_id, work.c.key, work.c.id).order_by(work.c.id)
    rows = batches.fetch(session, query, work, keys, column="key")
    return {(row.clinic_id, row.key): row.id for row in rows}


def one(session: Session, key: Key, *, lock: bool = True) -> sa.Row | None:
    """The work item of that id, finished or not; nobody else changes a locked one until the commit."""
    work = batches.table(WorkItem)
    query = sa.select(work).where(batches.same(work, key))
    return session.execute(query.with_for_update() if lock else query).one_or_none()


def change(session: Session, key: Key, **columns: object) -> None:
    batches.change(session, WorkItem, [{"clinic_id": key[0], "id": key[1]} | columns])


def remark(session: Session, keys: Sequence[tuple[UUID, str]], note: str) -> int:
    """Add to the note on unfinished work items, for a person still has to look; how many there were."""
    work = batches.table(WorkItem)
    said = sa.func.coalesce(work.c.note + " ", "", type_=work.c.note.type) + note
    known = sa.case((work.c.note.contains(note, autoescape=True), work.c.note), else_=said)
    statement = sa.update(work).where(UNFINISHED).values(note=known)
    return batches.update(session, statement, work, keys, column="key")


def of_plans(session: Session, courses: Sequence[Key]) -> set[tuple[UUID, str]]:
    """The (clinic, key) of what the plans of these courses asked and nobody has finished."""
    rows = batches.fetch(session, _needs(), batches.table(WorkItem), courses, column="course_id")
    return {(row.clinic_id, row.key) for row in rows}


@cache
def _needs() -> sa.Select:
    work = batches.table(WorkItem)
    return sa.select(work.c.clinic_id, work.c.key).where(UNFINISHED, work.c.key.startswith("need/"))


def unfinished(
    session: Session, clinic_id: UUID | None = None, *, limit: int | None = None
) -> Sequence[sa.Row]:
    """The worklist of a clinic or of all, the nearest deadline first.

    With the patient's name where there is one, and the clinic's name and zone.
    """
    work, patients, clinics = (batches.table(model) for model in (WorkItem, Patient, Clinic))
    of_patient = sa.and_(patients.c.clinic_id == work.c.clinic_id, patients.c.id == work.c.patient_id)
    query = (
        sa.select(work, patients.c.name, clinics.c.name.label("clinic"), clinics.c.time_zone)
        .join_from(work, patients, of_patient, isouter=True)
        .join(clinics, clinics.c.id == work.c.clinic_id)
        .where(sa.text("work_item.state <> 'done'"))
        .order_by(work.c.due_by, work.c.id)
        .limit(limit)
    )
    return session.execute(query if clinic_id is None else query.where(work.c.clinic_id == clinic_id)).all()


def for_items(session: Session, keys: Sequence[Key]) -> Sequence[sa.Row]:
    """The unfinished work items about these items."""
    work = batches.table(WorkItem)
    return list(batches.fetch(session, sa.select(work).where(UNFINISHED), work, keys, column="item_id"))


def _newly_red(session: Session, rows: Iterable[Values]) -> set[UUID]:
    """The clinics in which these rows open a red work item that nobody has on the list yet."""
    red = {(row["clinic_id"], row["key"]) for row in rows if row["level"] in RED}
    return {clinic_id for clinic_id, _ in red - among(session, sorted(red))}


def _finish(
    session: Session,
    keys: Sequence[tuple[UUID, UUID | str]],
    column: str,
    *,
    outcome: str,
    now: datetime,
    note: str | None = None,
) -> int:
    """What is red about a patient is noted on and stays: only a person ends it, in words."""
    if not keys:
        return 0
    work = batches.table(WorkItem)
    about = sa.and_(work.c.level.in_(sorted(RED)), work.c.patient_id.is_not(None))
    said = sa.update(work).where(UNFINISHED, about, work.c.note.is_(None)).values(note=outcome)
    batches.update(session, said, work, keys, column=column)
    return _close(session, keys, column, {"outcome": outcome, "note": note}, now, sa.not_(about))


def _close(
    session: Session,
    keys: Sequence[tuple[UUID, UUID | str]],
    column: str,
    values: Values,
    now: datetime,
    *conditions: Any,
) -> int:
    work = batches.table(WorkItem)
    done = {"state": WorkState.DONE, "closed_at": now} | dict(values)
    statement = sa.update(work).where(UNFINISHED, *conditions).values(done)
    return batches.update(session, statement, work, keys, column=column)
