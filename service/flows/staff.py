"""Who of a clinic's staff is mailed: digests, alarms, or both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from db import audit, clinics, notices, staff, work_items
from db.tables import Clinic, StaffAddress
from service.errors import Refused


@dataclass(frozen=True, slots=True)
class Listed:
    clinic: str
    row: StaffAddress


def listed(session: Session) -> Sequence[Listed]:
    """Every clinic's addresses."""
    names = {clinic.id: clinic.name for clinic in clinics.every(session)}
    found = (Listed(names[row.clinic_id], row) for row in staff.of_clinics(session))
    return sorted(found, key=lambda one: (one.clinic, one.row.address))


def put(
    session: Session, clinic: Clinic, address: str, *, digest: bool, alarms: bool, by: str, now: datetime
) -> None:
    """Mail this address from now on; at once, if work for today is open. Refused where it gets nothing."""
    if not (digest or alarms):
        raise Refused("it would be mailed nothing: use nextcount staff remove")
    row = staff.put(session, clinic.id, address, digest=digest, alarms=alarms, by=by, now=now)
    if alarms and work_items.unacknowledged(session, [clinic.id], now=now):
        notices.plan(session, [notices.an_alarm(clinic.id, row.id, now)], now=now)
    _audit(session, row, "staff set", by, now)


def remove(session: Session, clinic: Clinic, address: str, *, by: str, now: datetime) -> None:
    row = staff.find(session, clinic.id, address)
    if row is None:
        raise Refused(f"{clinic.name} does not mail this address: nextcount staff list shows whom it does")
    staff.remove(session, row, now=now)
    _audit(session, row, "staff remove", by, now)


def _audit(session: Session, row: StaffAddress, action: str, by: str, now: datetime) -> None:
    detail = {"address": row.address, "digest": row.digest, "alarms": row.alarms}
    audit.record(
        session, row.clinic_id, by, action, subject=("staff_address", str(row.id)), now=now, detail=detail
    )


def unmailed(session: Session, clinic_id: UUID | None = None) -> list[str]:
    """Of these clinics, or of this one, those of whose staff nobody is mailed digests, or nobody alarms."""
    rows = staff.of_clinics(session)
    digest = {row.clinic_id for row in rows if row.digest}
    alarms = {row.clinic_id for row in rows if row.alarms}
    mailed = digest & alarms
    mine = (clinic for clinic in clinics.every(session) if clinic_id in (None, clinic.id))
    return [clinic.name for clinic in mine if clinic.id not in mailed]
