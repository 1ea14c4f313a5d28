"""H23, H24: over the nights on which clocks change each reminder goes once, on its day, at its local time."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from schedules import days
from schedules.facts import EventType
from schedules.protocol import build
from service.clock import WoundClock
from tests.stories.conftest import Practice

VISITS = build(
    {
        "id": "visits", "version": 1, "title": "Visits",
        "medicine": {"name": "exampline"},
        "source": {"title": "A test", "evidence": "product-choice"},
        "clocks": [{"id": "visit", "kind": "visit", "phases": [{"every": "P6M"}]}],
    }
)  # fmt: skip
NIGHTS = {  # the day on which the clocks go forward, and the one on which they go back
    "Europe/London": ("2026-03-29", "2026-10-25"),
    "America/New_York": ("2026-03-08", "2026-11-01"),
    "Africa/Cairo": ("2026-04-24", "2026-10-30"),
    "America/Havana": ("2026-03-08", "2026-11-01"),
    "Asia/Beirut": ("2026-03-29", "2026-10-25"),
    "Atlantic/Azores": ("2026-03-29", "2026-10-25"),
    "America/Nuuk": ("2026-03-28", "2026-10-25"),
    "Australia/Lord_Howe": ("2026-10-04", "2026-04-05"),
}
CASES = [(zone, date.fromisoformat(day)) for zone, both in NIGHTS.items() for day in both]


def booked(practice: Practice, zone: str, at: datetime, **columns: Any) -> UUID:
    """A patient there with a visit booked for that local day and time."""
    patient = practice.patient(time_zone=zone, **columns)
    practice.contact(patient)
    today = days.local_day(practice.clock(), days.zone(zone))
    course = practice.course(patient, VISITS, today - timedelta(days=90))
    event = {"course_id": course, "on": today, "type": EventType.BOOKED, "at_local": at.isoformat()}
    practice.learn(patient, events=[event])
    return patient


def said(practice: Practice, patient: UUID, zone: str) -> list[tuple[str, str]]:
    where = days.zone(zone)
    rows = [row for row in practice.reminders if row.patient_id == patient and row.state == "sent"]
    mine = [row for row in rows if row.track == "patient"]
    return [(row.rung, row.decided_at.astimezone(where).strftime("%m-%d %H:%M")) for row in mine]


@pytest.mark.parametrize(("zone", "day"), CASES, ids=str)
def test_H23_H24_over_the_change_each_is_told_once_on_its_day_at_its_local_time(
    practice: Practice, zone: str, day: date
) -> None:
    """A visit at 02:30 of that night; 08:00 of that day, when the quiet ends; 02:30 for who has no quiet."""
    where, after = days.zone(zone), datetime.combine(day + timedelta(days=1), time(15))
    practice.clock = WoundClock(days.instant(day - timedelta(days=12), time(12), where))
    at_night = booked(practice, zone, datetime.combine(day, time(2, 30)))
    early = booked(practice, zone, after, preferred_time=time(8))
    awake = {"preferred_time": time(2, 30), "quiet_start": None, "quiet_end": None}
    sleepless = booked(practice, zone, after, **awake)
    practice.run_until(datetime.combine(day + timedelta(days=3), time(0), UTC))
    week, six = (f"{day - timedelta(days=n):%m-%d}" for n in (7, 6))
    assert said(practice, at_night, zone) == [
        ("appointment-week", f"{week} 09:00"),
        ("appointment-day", f"{day - timedelta(days=1):%m-%d} 09:00"),
    ]
    assert said(practice, early, zone) == [
        ("appointment-week", f"{six} 08:00"),
        ("appointment-day", f"{day:%m-%d} 08:00"),
    ]
    [first, second] = said(practice, sleepless, zone)
    assert first == ("appointment-week", f"{six} 02:30")
    assert second in [("appointment-day", f"{day:%m-%d} {at}") for at in ("02:30", "03:00", "03:30")]
    told = {row.accepted_at for row in practice.messages if row.patient_id == sleepless}
    assert days.instant(day, time(2, 30), where) in told
