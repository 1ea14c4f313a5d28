"""Two records of one patient: what belongs to one is moved to the other, or back."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from db import batches, patients
from db.batches import Key
from db.tables import (
    METADATA,
    Consent,
    Item,
    Merge,
    Message,
    MessageState,
    Patient,
    Reminder,
    ReminderState,
    WorkItem,
)

Number = tuple[str, str]  # authority, mrn
APART = ("merge", "message", "reminder")  # these have rules of their own, below
BELONGS: Mapping[str, sa.Table] = {
    name: rows for name, rows in METADATA.tables.items() if "patient_id" in rows.c and name not in APART
}
UNSAID = (MessageState.WAITING, MessageState.EMPTY)


def by_number(session: Session, clinic_id: UUID, numbers: Sequence[Number]) -> dict[Number, UUID]:
    """The patients with those numbers, also where it is a number they had before two records became one."""
    found = patients.by_number(session, clinic_id, numbers)
    missing = set(numbers) - found.keys()
    return found | {number: id_ for number, id_ in former(session, clinic_id).items() if number in missing}


def former(session: Session, clinic_id: UUID) -> dict[Number, UUID]:
    """Whose every former number of a clinic is by now. Merges are few."""
    merges = batches.table(Merge)
    query = sa.select(merges).where(merges.c.clinic_id == clinic_id, merges.c.undone_at.is_(None))
    rows = session.execute(query).all()
    into = {row.former_id: row.patient_id for row in rows}
    return {(row.authority, row.mrn): _last(into, row.patient_id) for row in rows}


def _last(into: Mapping[UUID, UUID], id_: UUID) -> UUID:
    while id_ in into:
        id_ = into[id_]
    return id_


def standing(session: Session, key: Key, former_id: UUID) -> sa.Row | None:
    """How that record became this patient's, if it did and that was not taken back."""
    merges = batches.table(Merge)
    mine = batches.same(merges, key, column="patient_id"), merges.c.former_id == former_id
    return session.execute(sa.select(merges).where(*mine, merges.c.undone_at.is_(None))).one_or_none()


def join(session: Session, kept: Key, gone: sa.Row, *, now: datetime) -> dict[str, Any]:
    """Move everything of one record to another; what was moved. Before any item is locked."""
    moved: dict[str, Any] = {"message": _messages(session, kept, gone.id)}
    for name, rows in BELONGS.items():
        mine = sa.select(rows.c.id).where(rows.c.clinic_id == kept[0], rows.c.patient_id == gone.id)
        moved[name] = [id_.hex for id_ in session.scalars(mine.order_by(rows.c.id))]
        _give(session, rows, kept, moved[name])
    _give_reminders(session, kept, moved["item"])
    _void(session, (gone.clinic_id, gone.id), now)
    columns = {"clinic_id": kept[0], "patient_id": kept[1], "former_id": gone.id, "at": now}
    number = {"authority": gone.authority, "mrn": gone.mrn}
    batches.insert(session, Merge, [columns | number | {"moved": moved}])
    return moved


def part(session: Session, merge: sa.Row, *, now: datetime) -> list[Key]:
    """Move back what was moved, and what has come since to what was; the courses."""
    gone, moved = (merge.clinic_id, merge.former_id), merge.moved
    _unsay(session, (merge.clinic_id, merge.patient_id))
    for id_, quarter in moved["message"].items():
        at = None if quarter is None else datetime.fromisoformat(quarter)
        columns = {"clinic_id": gone[0], "id": UUID(id_), "patient_id": gone[1], "quarter": at}
        batches.change(session, Message, [columns])
    later = {
        "consent": _of(session, Consent, "contact_id", gone[0], moved["contact"]),
        "item": _of(session, Item, "course_id", gone[0], moved["course"]),
        "work_item": _of(session, WorkItem, "course_id", gone[0], moved["course"]),
    }
    for name, rows in BELONGS.items():
        _give(session, rows, gone, sorted({*moved[name], *later.get(name, ())}))
    _give_reminders(session, gone, later["item"])
    _void(session, gone, None)
    batches.change(session, Merge, [{"clinic_id": gone[0], "id": merge.id, "undone_at": now}])
    return [(gone[0], UUID(id_)) for id_ in moved["course"]]


def _messages(session: Session, kept: Key, gone: UUID) -> dict[str, str | None]:
    """What was said comes along; what was not is planned again. By id the quarter of an hour that it had."""
    _unsay(session, (kept[0], gone))
    said, other = batches.table(Message), batches.table(Message).alias()
    query = sa.select(said.c.id, said.c.quarter).where(said.c.clinic_id == kept[0], said.c.patient_id == gone)
    found = {row.id: row.quarter for row in session.execute(query.where(said.c.state.not_in(UNSAID)))}
    taken = sa.select(other.c.id).where(
        other.c.clinic_id == kept[0], other.c.patient_id == kept[1],
        other.c.audience == said.c.audience, other.c.quarter == said.c.quarter,
    )  # fmt: skip
    keys = [(kept[0], id_) for id_ in found]
    clash = sa.update(said).where(taken.exists()).values(quarter=None)
    batches.update(session, clash, said, keys)
    batches.update(session, sa.update(said).values(patient_id=kept[1]), said, keys)
    return {id_.hex: None if quarter is None else quarter.isoformat() for id_, quarter in found.items()}


def _unsay(session: Session, key: Key) -> None:
    """Nothing that waits for this patient has a message any more: it is given another."""
    said, rows = batches.table(Message), batches.table(Reminder)
    mine = sa.select(said.c.id).where(batches.same(said, key, column="patient_id"))
    waiting = mine.where(said.c.state == MessageState.WAITING).with_for_update()
    keys = [(key[0], id_) for id_ in session.scalars(waiting)]
    batches.update(session, sa.update(said).values(state=MessageState.EMPTY), said, keys)
    undecided = sa.update(rows).where(rows.c.state == ReminderState.WAITING).values(message_id=None)
    batches.update(session, undecided, rows, keys, column="message_id")


def _of(
    session: Session, model: type[SQLModel], column: str, clinic_id: UUID, ids: Iterable[str]
) -> list[str]:
    rows = batches.table(model)
    keys = [(clinic_id, UUID(id_)) for id_ in ids]
    return [row.id.hex for row in batches.fetch(session, sa.select(rows.c.id), rows, keys, column=column)]


def _give(session: Session, rows: sa.Table, to: Key, ids: Iterable[str]) -> None:
    keys = [(to[0], UUID(id_)) for id_ in ids]
    batches.update(session, sa.update(rows).values(patient_id=to[1]), rows, keys)


def _give_reminders(session: Session, to: Key, items: Iterable[str]) -> None:
    rows = batches.table(Reminder)
    keys = [(to[0], UUID(id_)) for id_ in items]
    batches.update(session, sa.update(rows).values(patient_id=to[1]), rows, keys, column="item_id")


def _void(session: Session, key: Key, at: datetime | None) -> None:
    rows = batches.table(Patient)
    statement = sa.update(rows).values(voided_at=at, version=rows.c.version + 1)
    batches.update(session, statement, rows, [key])
