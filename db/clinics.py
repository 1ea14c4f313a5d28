"""Clinics, the tenants."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import Session, col, select

from db.tables import Clinic


def get(session: Session, clinic_id: UUID) -> Clinic | None:
    return session.get(Clinic, clinic_id)


def lock(session: Session, clinic_id: UUID) -> None:
    """Let nobody else change what the clinic decides as a whole until the commit."""
    mine = select(Clinic.id).where(col(Clinic.id) == clinic_id)
    session.exec(mine.with_for_update(key_share=True)).all()


def by_name(session: Session, name: str) -> Clinic | None:
    return session.exec(select(Clinic).where(col(Clinic.name) == name)).one_or_none()


def every(session: Session) -> Sequence[Clinic]:
    return session.exec(select(Clinic).order_by(col(Clinic.name))).all()


def zones(session: Session) -> dict[UUID, str]:
    """The time zone of every clinic."""
    return dict(session.exec(select(Clinic.id, Clinic.time_zone)).all())
