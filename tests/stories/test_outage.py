"""H07: nothing ran for three days; then what has passed is said once, by day, and every row is accounted for.

There is no pace here but the providers': the rules decide what an outage held back at once.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from db import batches, courses, protocols
from db.engine import reading, writing
from db.tables import Consent, Contact, Course, Message, Patient
from db.types import new_id
from schedules import days, ladder, library
from service.flows import plans, reminders, upkeep
from tests.stories.conftest import Practice
from tests.stories.drill import Recorder

LABEL = library.protocol("azathioprine-us-label")
ZONES = ("America/New_York", "Europe/London", "Asia/Tokyo", "America/Los_Angeles")
STARTS = [date(2026, 1, 5) + timedelta(days=n) for n in range(3)]
QUIET = days.DEFAULT_QUIET_HOURS
WENT, CAME = datetime(2026, 1, 10, 22, tzinfo=UTC), datetime(2026, 1, 13, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def enrol(practice: Practice, count: int) -> None:
    """As many patients, each in its zone, every fourth with two courses; courses begin on three days."""
    now = practice.clock()
    with writing(practice.engine) as session:
        pinned = protocols.pin(session, practice.clinic_id, LABEL, now=now)
        people = batches.insert(session, Patient, [_patient(practice, n) for n in range(count)])
        mine = [
            {"clinic_id": practice.clinic_id, "patient_id": row["id"], "channel": "sms"} for row in people
        ]
        numbered = [row | {"audience": "patient", "address": "+12025550101"} for row in mine]
        reached = batches.insert(session, Contact, numbered)
        given = {"purpose": "reminders", "given": True, "source": "form", "wording": "neutral", "at": now}
        rows = [row | given | {"contact_id": c["id"]} for row, c in zip(mine, reached, strict=True)]
        batches.insert(session, Consent, rows)
        batches.insert(session, Course, _courses(practice, people, pinned))
    for keys in batches.batched(_keys(practice), 500):
        with writing(practice.engine) as session:
            plans.apply(session, keys, now=now)


def _patient(practice: Practice, n: int) -> dict[str, Any]:
    return {
        "clinic_id": practice.clinic_id,
        "authority": "elm",
        "mrn": str(n),
        "name": f"Invented {n}",
        "birth_date": date(1980, 1, 1),
        "time_zone": ZONES[n % len(ZONES)],
        "language": "en",
        "preferred_time": days.DEFAULT_TIME,
        "quiet_start": QUIET.start,
        "quiet_end": QUIET.end,
        "created_at": practice.clock(),
    }


def _courses(practice: Practice, people: list[dict[str, Any]], pinned: str) -> Iterator[dict[str, Any]]:
    for n, person in enumerate(people):
        for second in (False, True) if n % 4 == 0 else (False,):
            yield {
                "clinic_id": practice.clinic_id,
                "id": new_id(),
                "patient_id": person["id"],
                "protocol_id": LABEL.id,
                "protocol_hash": pinned,
                "medicine": LABEL.medicine.name,
                "start": STARTS[(n + second) % len(STARTS)],
                "created_at": practice.clock(),
            }


def _keys(practice: Practice) -> list[tuple[UUID, UUID]]:
    with reading(practice.engine) as session:
        return courses.of_clinic(session, practice.clinic_id)


def wake(practice: Practice) -> float:
    """What a worker does when it starts; how many seconds it took to look at all that had passed."""
    begun = time.monotonic()
    upkeep.tick(practice.engine, practice.clock)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    return time.monotonic() - begun


def go_through(practice: Practice, count: int) -> tuple[list[tuple[Any, ...]], list[Any], float]:
    practice.channels = dict.fromkeys(practice.channels, Recorder())
    practice.clock.wind(datetime(2026, 1, 7, 22, tzinfo=UTC))
    enrol(practice, count)
    practice.clock.wind(WENT)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    practice.clock.wind(CAME)
    waited = [
        (row.id, row.track) for row in practice.reminders if row.state == "waiting" and row.send_at <= CAME
    ]
    took = wake(practice)
    woken = practice.reminders
    practice.run_until(CAME + DAY)
    return waited, woken, took


def zone_of(practice: Practice) -> dict[UUID, ZoneInfo]:
    return {row.id: days.zone(row.time_zone) for row in practice.rows(Patient)}


def check(practice: Practice, waited: list[tuple[Any, ...]], woken: list[Any]) -> Counter[str]:
    zones, rows = zone_of(practice), {row.id: row for row in practice.reminders}
    said = [row for row in rows.values() if row.state == "sent" and row.track == "patient"]
    after = [row for row in said if row.decided_at >= CAME]
    assert not [
        row for row in woken if row.state == "waiting" and row.send_at <= CAME and not _night(row, zones)
    ]
    assert all(not QUIET.contain(row.decided_at.astimezone(zones[row.patient_id]).time()) for row in after)
    per_item = Counter((row.item_id, row.decided_at) for row in after)
    assert set(per_item.values()) == {1}
    told = Counter(row.patient_id for row in _said(practice) if row.accepted_at >= CAME)
    assert max(told.values()) <= 2
    together = Counter(
        (row.patient_id, row.audience, ladder.quarter(row.accepted_at)) for row in _said(practice)
    )
    assert set(together.values()) == {1}, "what is due at one time goes in one message"
    fates = Counter(rows[id_].state.value for id_, _ in waited)
    assert set(fates) <= {"sent", "superseded"}
    assert all(rows[id_].reason for id_, _ in waited)
    newest = {}
    for row in sorted(said, key=lambda row: (row.decided_at, row.position)):
        assert newest.get((row.item_id, row.version), 0) < row.position
        newest[row.item_id, row.version] = row.position
    return fates


def _said(practice: Practice) -> list[Any]:
    return [row for row in practice.rows(Message) if row.accepted_at and row.audience == "patient"]


def _night(row: Any, zones: dict[UUID, ZoneInfo]) -> bool:
    return row.track == "patient" and QUIET.contain(CAME.astimezone(zones[row.patient_id]).time())


def test_H07_after_three_days_each_item_is_said_once_by_day_and_all_is_accounted_for(
    practice: Practice,
) -> None:
    waited, woken, _ = go_through(practice, 150)
    fates = check(practice, waited, woken)
    assert fates["superseded"] > 50
    assert fates["sent"] > 30


@pytest.mark.long
def test_H07_fifty_thousand_overdue_are_all_accounted_for(practice: Practice) -> None:
    """40,000 patients in four zones, 50,000 courses. It says how long it took: a time is no verdict."""
    waited, woken, took = go_through(practice, 40_000)
    fates = check(practice, waited, woken)
    assert len(waited) == 50_000
    sys.stderr.write(f"{len(waited)} waited: {dict(fates)} in {took:.1f} s\n")
