"""What a clinic's digest counts, but for who is overdue."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, work_items
from db.tables import Course, Item, WorkItem

UNDELIVERED = ("undeliverable", "unknown-delivery")
UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How much unfinished work of these kinds there is, claimed or not."""

    red: int
    unreachable: int
    undelivered: int


def open_work(session: Session, clinic_id: UUID) -> Work:
    work = batches.table(WorkItem)
    mine = sa.select(work.c.level, work.c.kind, sa.func.count().label("many"))
    mine = mine.where(work.c.clinic_id == clinic_id, work_items.UNFINISHED)
    rows = session.execute(mine.group_by(work.c.level, work.c.kind)).all()
    return Work(
        red=sum(row.many for row in rows if row.level in work_items.RED),
        unreachable=sum(row.many for row in rows if row.kind == UNREACHABLE),
        undelivered=sum(row.many for row in rows if row.kind in UNDELIVERED),
    )


def due(session: Session, clinic_id: UUID, *, first: date, end: date) -> int:
    """Open items whose due day is in [first, end), of courses that are neither held nor voided."""
    items, courses = batches.table(Item), batches.table(Course)
    own = sa.and_(courses.c.clinic_id == items.c.clinic_id, courses.c.id == items.c.course_id)
    near = sa.and_(items.c.due_on >= first, items.c.due_on < end, sa.not_(items.c.held))
    query = sa.select(sa.func.count()).select_from(items.join(courses, own)).where(near)
    mine = query.where(
        items.c.clinic_id == clinic_id, sa.text("item.class IS NULL"), courses.c.voided_at.is_(None)
    )
    return session.scalar(mine) or 0
