"""Which clinics ask the question set: a named person switches it on, once somebody is there for answers."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, batches, check_ins
from db.tables import CheckInSwitch
from schedules import library
from schedules.questions import QuestionSet
from service.errors import Problem
from service.flows import rota

AHEAD = 7  # days for which somebody must be reachable


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a clinic asks, who said so and when, and whether somebody is there for the answers."""

    on: bool
    by: str | None
    at: datetime | None
    covered: bool
    statement: str
    set_id: str
    set_version: int


def asked(session: Session, clinic_id: UUID) -> QuestionSet | None:
    """The question set, where the clinic has switched it on."""
    row = check_ins.switched(session, clinic_id)
    return library.question_set() if row is not None and row.on else None


def is_covered(session: Session, clinic_id: UUID, now: datetime) -> bool:
    """Whether the rota names a reachable person for every rung at every hour of the next days."""
    return not rota.is_covered(session, clinic_id, now, days=AHEAD)


def standing(session: Session, clinic_id: UUID, *, now: datetime) -> Standing:
    return _standing(session, clinic_id, check_ins.switched(session, clinic_id), now)


def switch(session: Session, clinic_id: UUID, *, on: bool, by: str, named: bool, now: datetime) -> Standing:
    """Problem without a named person, and when nobody would be there for the answers."""
    if not named:
        raise Problem(409, "Check-ins are switched by a named person: use your key.")
    if on and not is_covered(session, clinic_id, now):
        raise Problem(
            409, f"Nobody is reachable for every hour of the next {AHEAD} days: fill the rota first."
        )
    asked = library.question_set()
    row = {"clinic_id": clinic_id, "on": on, "set_id": asked.id, "set_version": asked.version}
    batches.insert(session, CheckInSwitch, [row | {"by": by, "at": now}])
    subject, detail = ("clinic", str(clinic_id)), {"on": on, "version": asked.version}
    audit.record(session, clinic_id, by, "switch check-ins", subject=subject, now=now, detail=detail)
    return standing(session, clinic_id, now=now)


def _standing(session: Session, clinic_id: UUID, row: sa.Row | None, now: datetime) -> Standing:
    asked = library.question_set()
    return Standing(
        on=row is not None and bool(row.on),
        by=None if row is None else row.by,
        at=None if row is None else row.at,
        covered=is_covered(session, clinic_id, now),
        statement=asked.statement,
        set_id=asked.id,
        set_version=asked.version,
    )
