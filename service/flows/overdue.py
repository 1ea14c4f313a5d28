"""Who is overdue, ranked by risk: one list behind the page, the JSON and the demo's sentences."""

from collections import Counter
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import overdue
from db.engine import reading
from db.overdue import Overdue
from schedules import days, risk
from schedules.facts import State
from schedules.risk import Known, Risk
from service.flows.protocols import is_own

FURTHEST_EAST = timedelta(hours=14)  # there it is already the next day


def ranked(engine: Engine, *, now: datetime, clinic_id: UUID | None = None) -> list[Risk[Overdue]]:
    """Everyone who is overdue on their own today, whom to call first at the top."""
    with reading(engine) as session:
        found = overdue.found(session, on=_latest_day(now), clinic_id=clinic_id)
    return risk.rank(known(one, now) for one in found)


def known(one: Overdue, now: datetime) -> Known[Overdue]:
    return Known(
        of=one,
        item=one.item,
        course=one.course,
        today=_today(now, one.time_zone),
        birth_date=one.birth_date,
        is_own=is_own(one.course.protocol),
        reachable=one.reachable,
        draws=one.draws,
    )


def counted(engine: Engine, *, now: datetime, clinic_id: UUID | None = None) -> dict[State, int]:
    """How many are overdue and how many have lapsed: the same that `ranked` gives, without the reasons."""
    with reading(engine) as session:
        rows = overdue.windows(session, on=_latest_day(now), clinic_id=clinic_id)
    counts: Counter[State] = Counter()
    for row in rows:
        today = _today(now, row.time_zone)
        if today > row.last_on_time:
            counts[State.LAPSED if today >= row.lapses_on else State.OVERDUE] += row.n
    return {state: counts[state] for state in risk.SLIPPED}


def count(session: Session, clinic_id: UUID, *, now: datetime) -> int:
    """How many of one clinic are overdue or have lapsed."""
    rows = overdue.windows(session, on=_latest_day(now), clinic_id=clinic_id)
    return sum(_today(now, row.time_zone) > row.last_on_time for row in rows)


def _latest_day(now: datetime) -> date:
    return (now + FURTHEST_EAST).date()


def _today(now: datetime, time_zone: str) -> date:
    return days.local_day(now, days.zone(time_zone))
