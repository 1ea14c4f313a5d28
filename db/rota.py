"""Who is on call: a clinic's newest rota, each shift with whether its person can be reached."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.batches import Values
from db.tables import Rota, RotaShift, StaffAddress, User


def newest(session: Session, clinic_id: UUID) -> sa.Row | None:
    rotas = batches.table(Rota)
    query = sa.select(rotas).where(rotas.c.clinic_id == clinic_id).order_by(rotas.c.version.desc())
    return session.execute(query.limit(1)).one_or_none()


def shifts(session: Session, clinic_ids: Collection[UUID] | None = None) -> Sequence[sa.Row]:
    """The shifts of the newest rota of these clinics, or of all.

    `usable`: the address was not removed, nor its person's key revoked.
    """
    rotas, own, staff, users = (batches.table(model) for model in (Rota, RotaShift, StaffAddress, User))
    last = sa.select(rotas.c.clinic_id, sa.func.max(rotas.c.version).label("version"))
    newest = last.group_by(rotas.c.clinic_id).subquery()
    usable = sa.and_(staff.c.removed_at.is_(None), users.c.revoked_at.is_(None))
    query = (
        sa.select(own, staff.c.channel, staff.c.address, usable.label("usable"))
        .join_from(own, rotas, _same(own, rotas, "rota_id"))
        .join(newest, sa.and_(newest.c.clinic_id == rotas.c.clinic_id, newest.c.version == rotas.c.version))
        .join(staff, _same(own, staff, "staff_address_id"))
        .join(users, users.c.id == own.c.user_id, isouter=True)
        .order_by(own.c.clinic_id, own.c.id)
    )
    return session.execute(
        query if clinic_ids is None else query.where(own.c.clinic_id.in_(clinic_ids))
    ).all()


def put(
    session: Session, clinic_id: UUID, rows: Iterable[Values], *, version: int, by: str, now: datetime
) -> None:
    """The clinic's rota from now on."""
    row = {"clinic_id": clinic_id, "version": version, "set_by": by, "set_at": now}
    [made] = batches.insert(session, Rota, [row])
    batches.insert(session, RotaShift, (dict(one) | {"rota_id": made["id"]} for one in rows))


def _same(own: sa.Table, other: sa.Table, column: str) -> sa.ColumnElement[bool]:
    return sa.and_(other.c.clinic_id == own.c.clinic_id, other.c.id == own.c[column])
