"""Where a clinic's staff are mailed: one address of a clinic is on the list once."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from db.tables import Channel, StaffAddress


def of_clinics(session: Session, clinic_ids: Collection[UUID] | None = None) -> Sequence[StaffAddress]:
    """The addresses of these clinics, or of all."""
    query = select(StaffAddress).where(col(StaffAddress.removed_at).is_(None))
    if clinic_ids is not None:
        query = query.where(col(StaffAddress.clinic_id).in_(clinic_ids))
    return session.exec(query.order_by(col(StaffAddress.clinic_id), col(StaffAddress.address))).all()


def find(session: Session, clinic_id: UUID, address: str) -> StaffAddress | None:
    mine = [row for row in of_clinics(session, [clinic_id]) if row.address.lower() == address.lower()]
    return mine[0] if mine else None


def put(
    session: Session,
    clinic_id: UUID,
    address: str,
    *,
    digest: bool,
    alarms: bool,
    by: str,
    now: datetime,
    channel: Channel = Channel.EMAIL,
) -> StaffAddress:
    """Add the address, or change what it gets."""
    row = find(session, clinic_id, address)
    if row is None:
        row = StaffAddress(
            clinic_id=clinic_id,
            channel=channel,
            address=address,
            digest=digest,
            alarms=alarms,
            set_by=by,
            set_at=now,
        )
    row.digest, row.alarms, row.set_by, row.set_at = digest, alarms, by, now
    session.add(row)
    session.flush()  # a notice that is planned next points to it
    return row


def remove(session: Session, row: StaffAddress, *, now: datetime) -> None:
    row.removed_at = now
    session.add(row)
