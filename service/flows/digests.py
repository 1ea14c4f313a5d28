"""The daily digest of each clinic: planned for eight o'clock there, counted when it goes out."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from typing import Any
from uuid import UUID

from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import clinics, deployments, notices, staff
from db import digests as figures
from db.engine import reading, writing
from db.tables import Clinic, Kind, StaffAddress
from schedules import days
from service.flows import overdue, rota
from service.messages.notices import Figures

AT = time(8)  # the clinic's
IN_THE_HOUSE = "outbox"


def plan(engine: Engine, *, now: datetime) -> int:
    """Plan today's digest of every clinic where it is past eight; how many. A day without one is not made up.

    Who is put on the list later gets that day's at once: it proves that the address is right.
    """
    with reading(engine) as session:
        if deployments.is_held(session):
            return 0
        listed: dict[UUID, list[StaffAddress]] = defaultdict(list)
        for row in staff.of_clinics(session):
            listed[row.clinic_id] += [row] if row.digest else []
        wanted = {
            (row["clinic_id"], row["key"]): row
            for clinic in clinics.every(session)
            for row in _of_clinic(clinic, listed[clinic.id], now)
        }
        known = notices.known(session, list(wanted))
    new = [row for key, row in wanted.items() if key not in known]
    if new:
        with writing(engine) as session:
            notices.plan(session, new, now=now)
    return len(new)


def _of_clinic(clinic: Clinic, listed: Sequence[StaffAddress], now: datetime) -> Iterator[dict[str, Any]]:
    zone = days.zone(clinic.time_zone)
    today = days.local_day(now, zone)
    at = days.instant(today, AT, zone)
    if now < at or at < clinic.created_at:
        return
    recipients: list[UUID | None] = [row.id for row in listed]
    for id_ in recipients or [None]:
        yield {
            "clinic_id": clinic.id,
            "kind": Kind.DIGEST,
            "key": f"{today}/{id_ or IN_THE_HOUSE}",
            "staff_address_id": id_,
            "send_at": now,  # not eight: what is due for long looks stuck
        }


def count(session: Session, clinic: Clinic, *, now: datetime) -> Figures:
    today = days.local_day(now, days.zone(clinic.time_zone))
    work = figures.open_work(session, clinic.id)
    return Figures(
        red=work.red,
        overdue=overdue.count(session, clinic.id, now=now),
        due=figures.due(session, clinic.id, first=today, end=days.shift(today, 7)),
        unreachable=work.unreachable,
        undelivered=work.undelivered,
        uncovered=rota.uncovered(session, clinic.id, now=now),
    )
