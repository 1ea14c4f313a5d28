"""H28: the zones' rules change between planning and sending: what waits moves, what it is stays."""

import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, time
from importlib import resources
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from db import batches, reminders
from db.engine import reading, writing
from db.tables import Reminder
from schedules import library
from service.errors import Refused
from service.flows import doctor, rungs, zones
from tests.stories.conftest import Practice

PROTOCOL = library.protocol("azathioprine-us-label")
FOLLOW = """
import sys
from datetime import UTC, datetime
from db.engine import make_engine
from service.clock import WoundClock
from service.flows import rungs, zones
engine = make_engine(sys.argv[1])
assert rungs.TZDATA == "2031.7", rungs.TZDATA
print(zones.follow(engine, WoundClock(datetime.fromisoformat(sys.argv[2]))))
engine.dispose()
"""


def enrol(practice: Practice, zone: str = "America/New_York") -> UUID:
    patient = practice.patient(time_zone=zone)
    practice.contact(patient)
    practice.course(patient, PROTOCOL, date(2026, 1, 5))
    return patient


def identity(practice: Practice) -> list[tuple[Any, ...]]:
    return sorted(
        (r.id, r.item_id, r.version, r.track, r.rung, r.position, r.day) for r in practice.reminders
    )


def moments(practice: Practice, track: str) -> list[datetime]:
    return [row.send_at.astimezone(UTC) for row in practice.reminders if row.track == track]


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """A tzdata of 2031 by which New York has taken the clocks of Phoenix: 09:00 is 16:00 in UTC."""
    package = tmp_path / "newer" / "tzdata"
    with resources.as_file(resources.files("tzdata")) as installed:
        shutil.copytree(installed, package)
    zone = package / "zoneinfo" / "America"
    shutil.copy(zone / "Phoenix", zone / "New_York")
    described = tmp_path / "newer" / "tzdata-2031.7.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: tzdata\nVersion: 2031.7\n", "utf-8")
    return tmp_path / "newer"


def run_with(newer: Path, practice: Practice) -> str:
    path = os.pathsep.join([str(newer), str(Path(__file__).parents[2])])
    url = practice.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        [sys.executable, "-c", FOLLOW, url, practice.clock().isoformat()],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_H28_a_newer_tzdata_moves_what_waits_and_changes_no_key(practice: Practice, newer: Path) -> None:
    enrol(practice)
    enrol(practice, "Europe/London")
    before, messages = identity(practice), {row.id for row in practice.messages}
    assert moments(practice, "patient") == [datetime(2026, 1, 11, hour, tzinfo=UTC) for hour in (9, 14)]
    assert run_with(newer, practice) == "2\n"
    assert identity(practice) == before
    assert moments(practice, "patient") == [datetime(2026, 1, 11, hour, tzinfo=UTC) for hour in (9, 16)]
    assert {row.tzdata_version for row in practice.reminders} == {"2031.7"}
    said = {row.message_id: row.send_at for row in practice.reminders}
    assert {row.id: row.send_at for row in practice.messages if row.id in said} == said
    assert len(messages - said.keys()) == 5, "the old moments of New York have nothing left to say"
    assert run_with(newer, practice) == "0\n"


def test_H28_what_was_said_before_is_not_said_again(practice: Practice, newer: Path) -> None:
    """The first reminder went out by the old rules; by the new ones its time is yet to come."""
    enrol(practice)
    practice.run_until(datetime(2026, 1, 11, 14, 1, tzinfo=UTC))
    run_with(newer, practice)
    practice.run_until(datetime(2026, 1, 12, 5, tzinfo=UTC))
    assert [row.rung for row in practice.reminders if row.state == "sent"] == ["day-before"]


def test_H28_a_worker_follows_when_it_starts_and_doctor_is_content(practice: Practice) -> None:
    enrol(practice)
    with writing(practice.engine) as session:
        session.execute(batches.table(Reminder).update().values(tzdata_version="2024.1"))
    assert "other zones" in sentence(practice)
    assert zones.follow(practice.engine, practice.clock) == 1
    assert rungs.TZDATA in sentence(practice)
    with reading(practice.engine) as session:
        assert reminders.of_other_zones(session, rungs.TZDATA) == 0


def sentence(practice: Practice) -> str:
    found = doctor.examine(practice.engine, None, now=practice.clock())
    return next(finding.sentence for finding in found if finding.check == "zones")


# ---- H27: a patient moves


def move(practice: Practice, patient: UUID, zone: str) -> None:
    with writing(practice.engine) as session:
        zones.move(session, (practice.clinic_id, patient), zone, now=practice.clock())


def test_H27_a_move_moves_what_waits_for_the_patient_and_not_what_waits_for_staff(practice: Practice) -> None:
    patient = enrol(practice)
    before = identity(practice)
    staff = moments(practice, "coordinator")
    move(practice, patient, "Asia/Tokyo")
    assert identity(practice) == before
    assert moments(practice, "patient") == [datetime(2026, 1, 11, 0, tzinfo=UTC)]
    assert moments(practice, "coordinator") == staff


def test_H27_after_a_move_nothing_is_said_twice_or_at_night(practice: Practice) -> None:
    """Said at nine in Tokyo; nine in New York is yet to come. Back, at once, it is night."""
    patient = enrol(practice, "Asia/Tokyo")
    practice.run_until(datetime(2026, 1, 11, 1, tzinfo=UTC))
    move(practice, patient, "America/New_York")
    practice.run_until(datetime(2026, 1, 12, 5, tzinfo=UTC))
    assert [row.rung for row in practice.reminders if row.state == "sent"] == ["day-before"]
    move(practice, patient, "Pacific/Auckland")  # where it is 18:00 on the due day: its rung has passed
    practice.run_until(datetime(2026, 1, 12, 6, tzinfo=UTC))
    said = [row for row in practice.reminders if row.state == "sent" and row.track == "patient"]
    assert [row.rung for row in said] == ["day-before", "due-day"]
    assert said[-1].decided_at == datetime(2026, 1, 12, 5, tzinfo=UTC)


def test_H27_a_zone_that_is_not_there_is_refused(practice: Practice) -> None:
    patient = enrol(practice)
    with pytest.raises(Refused, match="no such IANA time zone"):
        move(practice, patient, "Mars/Phobos")


def test_H27_a_move_keeps_the_preferred_time_and_the_day(practice: Practice) -> None:
    patient = enrol(practice)
    move(practice, patient, "America/Los_Angeles")
    [row] = [row for row in practice.reminders if row.track == "patient"]
    assert (row.day, row.at_local, row.zone) == (date(2026, 1, 11), f"{time(9):%H:%M}", "America/Los_Angeles")
