"""The calendar feed: the same moments in two calendar programs, on both sides of a clock change."""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar
import pytest
import recurring_ical_events

from db.engine import reading
from service.flows import calendars
from tests.stories.conftest import Practice
from tests.stories.test_said import a_protocol

START = date(2026, 1, 5)
ZONE = ZoneInfo("America/New_York")
CHANGE = date(2026, 3, 8)  # the clocks go forward in New York


@pytest.fixture
def patient(practice: Practice) -> UUID:
    practice.clock.wind(datetime(2026, 1, 5, 15, tzinfo=UTC))
    found = practice.patient()
    practice.contact(found)
    return found


def book(practice: Practice, patient: UUID, course: UUID, at: str) -> None:
    booked = {"course_id": course, "on": practice.clock().date(), "type": "booked", "at_local": at}
    practice.learn(patient, events=[booked])


def visits(practice: Practice, patient: UUID) -> UUID:
    return practice.course(patient, a_protocol(kind="visit", phases=[{"every": "P2M"}]), START)


def read(practice: Practice, patient: UUID) -> icalendar.Calendar:
    with reading(practice.engine) as session:
        feed = calendars.feed(session, patient, now=practice.clock())
    assert feed is not None
    return icalendar.Calendar.from_ical(feed)


def events(practice: Practice, patient: UUID) -> list[icalendar.Event]:
    return list(read(practice, patient).walk("VEVENT"))


@pytest.mark.parametrize("day", [CHANGE - timedelta(days=1), CHANGE, CHANGE + timedelta(days=1)])
def test_a_visit_is_at_its_local_time_in_both_programs(
    practice: Practice, patient: UUID, day: date, tmp_path: Path
) -> None:
    book(practice, patient, visits(practice, patient), f"{day}T14:30")
    [read_by_one] = recurring_ical_events.of(read(practice, patient)).at(day)
    local = datetime(day.year, day.month, day.day, 14, 30, tzinfo=ZONE)
    assert read_by_one["DTSTART"].dt == local
    assert read_by_one["DTSTART"].dt.utcoffset() == timedelta()
    assert read_by_khal(read(practice, patient), day, tmp_path) == ["14:30 Your appointment: Elm Street"]


def read_by_khal(feed: icalendar.Calendar, day: date, folder: Path) -> list[str]:
    (folder / "feed.ics").write_bytes(feed.to_ical())
    (folder / "config").write_text(
        f"[calendars]\n[[it]]\npath = {folder / 'calendar'}\ntype = calendar\n"
        f"[locale]\nlocal_timezone = America/New_York\ntimeformat = %H:%M\ndateformat = %Y-%m-%d\n"
        f"datetimeformat = %Y-%m-%d %H:%M\nlongdateformat = %Y-%m-%d\nlongdatetimeformat = %Y-%m-%d %H:%M\n"
        f"[sqlite]\npath = {folder / 'khal.db'}\n[default]\ndefault_calendar = it\n"
    )
    (folder / "calendar").mkdir(exist_ok=True)
    khal = [sys.executable, "-W", "ignore", "-m", "khal", "-c", str(folder / "config")]
    asked = ["list", "--format", "{start-time} {title}", "--day-format", "", str(day), "1d"]
    for command in (["import", "--batch", str(folder / "feed.ics")], asked):
        done = subprocess.run([*khal, *command], capture_output=True, text=True, timeout=60, check=True)
    return [line for line in done.stdout.splitlines() if line.strip()]


def test_a_duty_by_a_day_stands_on_that_day(practice: Practice, patient: UUID) -> None:
    practice.course(patient, a_protocol(kind="test", panel=["cbc"], phases=[{"every": "P1W"}]), START)
    [event] = events(practice, patient)
    assert event["DTSTART"].dt == date(2026, 1, 12)
    assert (str(event["SUMMARY"]), str(event["STATUS"])) == ("Your appointment: Elm Street", "CONFIRMED")


def test_what_moves_keeps_its_uid_and_counts_up(practice: Practice, patient: UUID) -> None:
    course = visits(practice, patient)
    book(practice, patient, course, "2026-03-04T14:30")
    [before] = events(practice, patient)
    practice.clock.wind(datetime(2026, 2, 2, 15, tzinfo=UTC))
    book(practice, patient, course, "2026-03-05T10:00")
    [after] = events(practice, patient)
    assert after["UID"] == before["UID"]
    assert after["SEQUENCE"] > before["SEQUENCE"]
    assert after["DTSTART"].dt == datetime(2026, 3, 5, 10, tzinfo=ZONE)


def test_what_is_stopped_is_cancelled(practice: Practice, patient: UUID) -> None:
    course = visits(practice, patient)
    stop = {"course_id": course, "on": START, "type": "stop", "reason": "ended", "decided_by": "Dr. Ruiz"}
    practice.learn(patient, events=[stop])
    assert {str(event["STATUS"]) for event in events(practice, patient)} <= {"CANCELLED"}


def test_nobodys_feed_is_none(practice: Practice) -> None:
    with reading(practice.engine) as session:
        assert calendars.feed(session, UUID(int=1), now=practice.clock()) is None
