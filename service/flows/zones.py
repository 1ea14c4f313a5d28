"""What waits is computed again when the zones' rules change, or a patient moves to another zone.

Which rung of which item it is stays as it was: only its moment moves, and with that its message.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import courses, items, patients, reminders
from db.batches import Key
from db.engine import writing
from schedules import days
from service.clock import Clock
from service.errors import Refused
from service.flows import plans, rungs

AT_ONCE = 200


def follow(engine: Engine, clock: Clock) -> int:
    """Compute again what waits by another version of tzdata than this program's; for how many items."""
    handled = 0
    while True:
        with writing(engine) as session:
            keys = reminders.items_of_other_zones(session, rungs.TZDATA, limit=AT_ONCE)
            _compute(session, keys, clock())
        if not keys:
            return handled
        handled += len(keys)


def move(session: Session, patient: Key, zone: str, *, now: datetime) -> None:
    """The patient lives in another zone from now on. Refused where there is no such zone."""
    try:
        days.zone(zone)
    except ValueError as error:
        raise Refused(f"time_zone: {error}: write one as Europe/London") from None
    mine = courses.of_patients(session, [patient])
    courses.lock(session, mine)
    patients.move(session, patient, zone)
    plans.apply(session, mine, now=now)
    again(session, mine, now=now)


def again(session: Session, mine: Sequence[Key], *, now: datetime) -> None:
    """Compute again what waits for the open items of these courses, which are locked."""
    _compute(session, items.open_of_courses(session, mine), now)


def _compute(session: Session, keys: Sequence[Key], now: datetime) -> None:
    still = items.lock_open(session, keys)
    rows = [row for row in items.of(session, keys).values() if row.id in still]
    rungs.climb(session, rows, now=now)
    reminders.computed_with(session, keys, rungs.TZDATA)
