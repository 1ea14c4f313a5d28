"""Whether a reminder that is planned can be said in time: where it cannot, a person hears of it at once.

A visit that is booked at night for the morning can come before the quiet hours end: nobody would be told.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from db.items import Stored
from schedules import days, ladder
from schedules.facts import Item
from schedules.ladder import Hours, Track

KIND = "no-time-to-remind"


def expires(item: Item, hours: Hours) -> datetime | None:
    """From when a reminder of this item can no longer help."""
    at = item.appointment
    return None if at is None else days.instant(at.date(), at.time(), hours.zone)


def is_too_late(item: Item, track: Track, hours: Hours, planned: datetime) -> bool:
    """Staff are told at every hour and whenever it is: only people at home have hours and ends."""
    end = expires(item, hours)
    return track in ladder.PEOPLE and end is not None and hours.allowed_from(planned) >= end


def work(rows: Sequence[Stored], *, now: datetime) -> list[dict[str, Any]]:
    return [
        {
            "clinic_id": row.clinic_id,
            "patient_id": row.patient_id,
            "course_id": row.course_id,
            "item_id": row.id,
            "kind": KIND,
            "level": "same-day",
            "role": "coordinator",
            "key": f"item/{row.id}/{KIND}",
            "due_by": now + ladder.DUE_BY["same-day"],
        }
        for row in rows
    ]
