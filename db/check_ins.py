"""Check-ins: what patients answered, what the rules made of it, and which clinics ask."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from typing import TypeAlias
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Key
from db.tables import CheckIn, CheckInAnswer, CheckInSwitch
from schedules.adherence import Period

DAY = timedelta(days=1)
Place: TypeAlias = tuple[datetime, UUID]  # of a check-in, by when it came


def switched(session: Session, clinic_id: UUID) -> sa.Row | None:
    """The clinic's newest word on whether it asks the question set."""
    switches = batches.table(CheckInSwitch)
    query = sa.select(switches).where(switches.c.clinic_id == clinic_id)
    return session.execute(query.order_by(switches.c.at.desc(), switches.c.id.desc()).limit(1)).one_or_none()


def of_patient(session: Session, patient: Key) -> Sequence[sa.Row]:
    """A patient's check-ins, the newest first."""
    found = batches.table(CheckIn)
    query = sa.select(found).where(batches.same(found, patient, column="patient_id"))
    return session.execute(query.order_by(found.c.at.desc(), found.c.id.desc())).all()


def last_choices(session: Session, patient: Key) -> dict[str, str]:
    """By question what the patient chose the last time."""
    found = batches.table(CheckIn)
    query = sa.select(found.c.id).where(batches.same(found, patient, column="patient_id"))
    last = session.scalar(query.order_by(found.c.at.desc(), found.c.id.desc()).limit(1))
    if last is None:
        return {}
    return {row.question: row.choice for row in answers(session, [(patient[0], last)])[last]}


def answers(session: Session, check_ins: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """By check-in what was answered."""
    given = batches.table(CheckInAnswer)
    found: dict[UUID, list[sa.Row]] = {key[1]: [] for key in check_ins}
    query = sa.select(given).order_by(given.c.id)
    for row in batches.fetch(session, query, given, check_ins, column="check_in_id"):
        found[row.check_in_id].append(row)
    return found


def after(session: Session, last: Place | None, *, limit: int) -> Sequence[sa.Row]:
    """The check-ins of every clinic after that place, the oldest first."""
    found = batches.table(CheckIn)
    query = sa.select(found).order_by(found.c.at, found.c.id).limit(limit)
    if last is None:
        return session.execute(query).all()
    at, id_ = last
    later = sa.or_(found.c.at > at, sa.and_(found.c.at == at, found.c.id > id_))
    return session.execute(query.where(found.c.at >= at, later)).all()


def choices(session: Session, period: Period, *, clinic_id: UUID | None = None) -> Sequence[sa.Row]:
    """Every choice of the period's check-ins, and of a day around it, for clinics' days are not UTC's."""
    found, given = batches.table(CheckIn), batches.table(CheckInAnswer)
    whose = [found.c[name] for name in ("clinic_id", "patient_id", "at", "set_id", "set_version")]
    of_check_in = sa.and_(given.c.clinic_id == found.c.clinic_id, given.c.check_in_id == found.c.id)
    begin = datetime.combine(period.first - DAY, time(), UTC)
    end = datetime.combine(period.last + DAY, time.max, UTC)
    mine = [] if clinic_id is None else [found.c.clinic_id == clinic_id]
    query = sa.select(*whose, given.c.question, given.c.choice).join_from(found, given, of_check_in)
    return session.execute(
        query.where(found.c.at >= begin, found.c.at <= end, *mine).order_by(found.c.at, found.c.id)
    ).all()
