"""Who is on a medicine, and whether every test clock of the course has an open item."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, days, grouped, prescribing
from db.grouped import Asked
from db.tables import Item

FIRST = sa.text(
    "item.kind = 'test' AND item.ordinal = 1 AND (item.class IS NULL OR item.class <> 'withdrawn')"
)
OPEN = sa.text("item.kind = 'test' AND item.class IS NULL")
WHO = ("clinic_id", "id", "patient_id", "mrn")


def counted(session: Session, asked: Asked) -> Sequence[sa.Row]:
    """How many courses there are, by group, today, `on_medicine` and `covered`.

    Those on the medicine without an open item are told one by one, with the patient's id, number and clinic.
    """
    course = _courses(asked).cte("each_course")
    keys = [course.c[name] for name in ("of", "today", "on_medicine", "covered")]
    who = [course.c[name] for name in WHO]
    missing = sa.and_(course.c.on_medicine, sa.not_(course.c.covered))
    nobody = [sa.cast(sa.null(), column.type).label(column.name) for column in who]
    many = sa.select(*keys, *nobody, sa.func.count().label("n")).where(sa.not_(missing)).group_by(*keys)
    return session.execute(sa.union_all(many, sa.select(*keys, *who, sa.literal(1)).where(missing))).all()


def _courses(asked: Asked) -> sa.Select:
    theirs = grouped.courses(asked, "patient_id", "mrn", "start", "ended_on", "protocol_id").subquery(
        "theirs"
    )
    clock = _clocks(asked).subquery("clock_of")
    of_course = sa.and_(clock.c.clinic_id == theirs.c.clinic_id, clock.c.course_id == theirs.c.id)
    ended = sa.func.coalesce(theirs.c.ended_on, days.NEVER)
    return sa.select(
        *(theirs.c[name] for name in (*WHO, "of", "today")),
        sa.and_(
            prescribing.on_medicine(theirs), theirs.c.start <= theirs.c.today, ended > theirs.c.today
        ).label("on_medicine"),
        sa.func.coalesce(clock.c.opened == clock.c.clocks, sa.false()).label("covered"),
    ).join_from(theirs, clock, of_course, isouter=True)


def _clocks(asked: Asked) -> sa.Select:
    """By course how many test clocks there are, known by their first items, and how many have an open one."""
    mine = batches.table(Item)
    key = (mine.c.clinic_id, mine.c.course_id)
    here = sa.true() if asked.scope.clinic_id is None else mine.c.clinic_id == asked.scope.clinic_id
    each = sa.union_all(
        sa.select(*key, sa.literal(1).label("clock"), sa.literal(0).label("open")).where(FIRST, here),
        sa.select(*key, sa.literal(0), sa.literal(1)).where(OPEN, here),
    ).subquery("each")
    sums = (sa.func.sum(each.c.clock).label("clocks"), sa.func.sum(each.c.open).label("opened"))
    return sa.select(each.c.clinic_id, each.c.course_id, *sums).group_by(each.c.clinic_id, each.c.course_id)
