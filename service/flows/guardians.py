"""Who is told for a child is told no longer: a notice 90 days before, and on the day it ends by itself."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import batches, contacts, guardians, work_items
from db.engine import reading, writing
from db.tables import Consent
from schedules import days, ladder
from schedules import guardians as rules
from schedules.fields import Level

LOOKED_BACK = timedelta(days=400)  # a service that was off for a year still ends what has to end
AGE = "age"  # the source of the consent that ends
WORDS = "The access of somebody who is told for the patient has come to its end."
LEVEL: Level = "24h"


def tick(engine: Engine, *, now: datetime) -> int:
    """End what ends, and say what will; how many contacts that concerned."""
    today = now.date() + timedelta(days=1)
    born = _years_before(today - LOOKED_BACK), _years_before(today + timedelta(days=rules.NOTICE + 4))
    with reading(engine) as session:
        rows = guardians.told(session, born_between=born, ends_by=today + timedelta(days=rules.NOTICE))
        given = [row for row in _newest(rows) if row.given]
        over = [row for row in given if (end := _end(row)) is not None and end <= _today(row, now)]
        coming = [row for row in given if row not in over and _is_near(row, now)]
        known = work_items.newest(session, [(row.clinic_id, _key(row)) for row in coming])
    new = [row for row in coming if (row.clinic_id, _key(row)) not in known]
    if over or new:
        with writing(engine) as session:
            batches.insert(session, Consent, [_withdrawn(session, row, now) for row in over])
            work_items.raise_(session, [_work_item(row, now) for row in new], now=now)
    return len(over) + len(new)


def _years_before(day: date) -> date:
    """A day so long ago that who was born on it is an adult by `day`, give or take a leap day."""
    return day.replace(year=day.year - rules.ADULT_AT.count, day=min(day.day, 28))


def _newest(rows: Iterable[sa.Row]) -> list[sa.Row]:
    """They come in the order in which they were said."""
    return list({(row.clinic_id, row.id): row for row in rows}.values())


def _today(row: sa.Row, now: datetime) -> date:
    return days.local_day(now, days.zone(row.time_zone))


def _end(row: sa.Row) -> date | None:
    given_on = days.local_day(row.at, days.zone(row.time_zone))
    return rules.ends_on(row.birth_date, given_on, row.ends_on)


def _is_near(row: sa.Row, now: datetime) -> bool:
    end = _end(row)
    return end is not None and rules.notice_on(end) <= _today(row, now)


def _key(row: sa.Row) -> str:
    return f"guardian-ends/{row.id}/{_end(row)}"


def _withdrawn(session: Session, row: sa.Row, now: datetime) -> dict[str, Any]:
    owner = {"clinic_id": row.clinic_id, "patient_id": row.patient_id, "contact_id": row.id}
    at = contacts.after_all(session, (row.clinic_id, row.patient_id), now)
    said = {"purpose": contacts.REMINDERS, "given": False, "source": AGE, "wording": WORDS, "at": at}
    return owner | said | {"channel": row.channel}


def _work_item(row: sa.Row, now: datetime) -> dict[str, Any]:
    owner = {"clinic_id": row.clinic_id, "patient_id": row.patient_id, "kind": "guardian-ends"}
    asked = {"level": LEVEL, "role": "coordinator", "due_by": now + ladder.DUE_BY[LEVEL]}
    return owner | asked | {"key": _key(row)}
