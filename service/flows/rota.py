"""The rota: who is told of red work at which hours, what it leaves open, and the alarm a week ahead."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import audit, clinics, rota, staff, users, work_items
from db.batches import Values
from db.engine import reading, writing
from db.tables import Channel, Clinic, StaffAddress
from schedules import days, ladder
from schedules import rota as hours
from schedules.rota import Gap, Rung, Shift
from service.errors import Fault, Problem

AHEAD = 7  # days that must be covered
GAP = "rota-gap"  # the work item's kind and key
BAD = "staff-mail/"  # what the key of a work item about an address that takes nothing begins with


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """A shift as somebody sets it: a person by name, and where they are told."""

    rung: Rung
    person: str
    channel: Channel
    address: str
    weekdays: tuple[int, ...]
    begins: time
    ends: time


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A shift of the rota, and whether its person can be reached."""

    row: sa.Row
    shift: Shift
    reachable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A clinic's rota and what it leaves open in the days to come. Version 0: none was set yet."""

    id: UUID  # the clinic's
    version: int
    set_by: str | None
    set_at: datetime | None
    shifts: Sequence[Standing]
    gaps: Sequence[Gap]


def standing(session: Session, clinic_id: UUID | None = None) -> list[Standing]:
    """The shifts of a clinic's rota, or of every clinic's."""
    bad = set(work_items.beginning(session, clinic_id, BAD))
    return [
        Standing(
            row=row,
            shift=Shift(row.rung, row.begins, row.ends, tuple(map(int, row.weekdays))),
            reachable=row.usable and (row.clinic_id, f"{BAD}{row.staff_address_id}") not in bad,
        )
        for row in rota.shifts(session, None if clinic_id is None else [clinic_id])
    ]


def is_covered(session: Session, clinic_id: UUID, now: datetime, days: int = AHEAD) -> list[Gap]:
    """The gaps of the days to come: none where every rung has a reachable person at every hour."""
    clinic = clinics.get(session, clinic_id)
    assert clinic is not None
    return _gaps(standing(session, clinic_id), clinic, now, days)


def _gaps(shifts: Sequence[Standing], clinic: Clinic, now: datetime, ahead: int = AHEAD) -> list[Gap]:
    reached = [one.shift for one in shifts if one.reachable]
    return hours.gaps(reached, days.zone(clinic.time_zone), now, now + timedelta(days=ahead))


def uncovered(session: Session, clinic_id: UUID, *, now: datetime) -> int | None:
    """Hours, rounded up, that the days to come leave open; None where no rota was set."""
    if version(session, clinic_id) == 0:
        return None
    spans = (gap.ends - gap.begins for gap in is_covered(session, clinic_id, now))
    return -int(-sum(spans, timedelta()) // timedelta(hours=1))


def show(session: Session, clinic_id: UUID, *, now: datetime) -> Shown:
    found = rota.newest(session, clinic_id)
    return Shown(
        id=clinic_id,
        version=version(session, clinic_id),
        set_by=None if found is None else found.set_by,
        set_at=None if found is None else found.set_at,
        shifts=standing(session, clinic_id),
        gaps=is_covered(session, clinic_id, now),
    )


def version(session: Session, clinic_id: UUID) -> int:
    found = rota.newest(session, clinic_id)
    return 0 if found is None else int(found.version)


def put(
    session: Session, clinic_id: UUID, duties: Sequence[Duty], *, version: int, by: str, now: datetime
) -> Shown:
    """The clinic's rota from now on, whole; what it leaves open is a work item at once."""
    known = {row.name: row.id for row in users.every(session) if _may_act(row, clinic_id)}
    rows = [
        _row(_address(session, clinic_id, duty, by=by, now=now), duty, known.get(duty.person))
        | {"clinic_id": clinic_id}
        for duty in duties
    ]
    rota.put(session, clinic_id, rows, version=version + 1, by=by, now=now)
    subject = ("rota", str(version + 1))
    audit.record(session, clinic_id, by, "set rota", subject=subject, now=now, detail={"shifts": len(rows)})
    shown = show(session, clinic_id, now=now)
    _tell(session, clinic_id, shown.gaps, now)
    return shown


def _may_act(user: sa.Row, clinic_id: UUID) -> bool:
    return user.revoked_at is None and user.clinic_id in (None, clinic_id)


def _row(address: StaffAddress, duty: Duty, user_id: UUID | None) -> dict[str, object]:
    return {
        "rung": duty.rung,
        "person": duty.person,
        "user_id": user_id,
        "staff_address_id": address.id,
        "weekdays": "".join(map(str, sorted(set(duty.weekdays)))),
        "begins": duty.begins,
        "ends": duty.ends,
    }


def _address(session: Session, clinic_id: UUID, duty: Duty, *, by: str, now: datetime) -> StaffAddress:
    """Where the person is told: on the clinic's list already, or from now on for the rota alone."""
    known = staff.find(session, clinic_id, duty.address)
    if known is None:
        where = partial(staff.put, session, clinic_id, duty.address, channel=duty.channel)
        return where(digest=False, alarms=False, by=by, now=now)
    if known.channel is not duty.channel:
        fault = Fault("body.shifts", f"an address is told by {known.channel.value} already: keep to it")
        raise Problem(422, "The request is not valid.", errors=[fault])
    return known


# ---- the alarm a week ahead


def look_ahead(engine: Engine, *, now: datetime) -> None:
    """A work item for each clinic whose rota leaves something open in a week, until it is mended."""
    with reading(engine) as session:
        shifts, told = standing(session), {key[0] for key in work_items.beginning(session, None, GAP)}
        found = {
            clinic.id: _gaps([one for one in shifts if one.row.clinic_id == clinic.id], clinic, now)
            for clinic in clinics.every(session)
            if clinic.id in told or any(one.row.clinic_id == clinic.id for one in shifts)
        }
    changed = [clinic_id for clinic_id, gaps in found.items() if bool(gaps) != (clinic_id in told)]
    if changed:
        with writing(engine) as session:
            for clinic_id in changed:
                _tell(session, clinic_id, found[clinic_id], now)


def _tell(session: Session, clinic_id: UUID, gaps: Sequence[Gap], now: datetime) -> None:
    if gaps:
        work_items.raise_(session, [_work_item(clinic_id, now)], now=now)
    else:
        work_items.finish(session, [(clinic_id, GAP)], outcome="the rota has no gap", now=now)


def _work_item(clinic_id: UUID, now: datetime) -> Values:
    what = {"kind": GAP, "level": "24h", "role": "admin", "key": GAP}
    return what | {"clinic_id": clinic_id, "due_by": now + ladder.DUE_BY["24h"]}
