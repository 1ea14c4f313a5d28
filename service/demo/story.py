"""Fourteen days of a clinic: records come in, are released, and the loops run on a wound clock."""

import csv
import tempfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from uuid import UUID

from sqlalchemy.engine import Engine

from db import messages
from db.engine import reading, writing
from schedules import days
from schedules import protocol as protocols
from schedules.protocol import Protocol
from service.channels import local
from service.clock import WoundClock
from service.demo import people, trial
from service.demo.people import Records
from service.flows import imports, releases, reminders, upkeep
from service.flows.imports import Manner
from service.flows.intake import NewClinics
from service.ingest import folder
from service.links import Links

BEGINS = timedelta(days=14)
BEFORE_ALL = date.min
ZONE = "America/New_York"
COORDINATOR = "Dana Reyes, coordinator"
RELEASING = "Kim Lee, practice manager"  # who brought much in may not release it
REPORTS_AT = time(18)  # the day's results and events come in
TABLES = ("patients", "contacts", "courses", "events", "results")
CLINICS = NewClinics(time_zone=ZONE, phone="+1 202-555-0199", emergency_number="911")
Progress = Callable[[str], None]


def run(engine: Engine, *, now: datetime, progress: Progress, links: Links | None = None) -> WoundClock:
    """Live the fourteen days up to `now`; the clock then stands there."""
    clock = WoundClock(now - BEGINS)
    zone = days.zone(ZONE)
    first, today = days.local_day(clock(), zone), days.local_day(now, zone)
    known = [source.records(today, since=first) for source in (people, trial)]
    progress("reading the records of four clinics")
    import_id = _take(engine, known, clock, after=BEFORE_ALL, by=first)
    with writing(engine) as session:
        releases.release(session, import_id, by=RELEASING, now=clock())
    for number in range((today - first).days + 1):
        day = first + timedelta(days=number)
        progress(f"living {day}")
        _live(engine, clock, links, until=min(now, days.instant(day, REPORTS_AT, zone)))
        if number and clock() < now:
            _take(engine, known, clock, after=day - timedelta(days=1), by=day)
    _live(engine, clock, links, until=now)
    return clock


def _live(engine: Engine, clock: WoundClock, links: Links | None, *, until: datetime) -> None:
    """Let the loops tick at every moment at which something is due."""
    upkeep.tick(engine, clock)
    channels = local.channels()
    while True:
        with reading(engine) as session:
            due = messages.next_due(session)
        if due is None or due > until:
            break
        clock.wind(max(due, clock()))
        reminders.tick(engine, clock, channels, links=links)
    clock.wind(max(until, clock()))


def _take(engine: Engine, known: list[Records], clock: WoundClock, *, after: date, by: date) -> UUID:
    """Import what became known in (after, by], as a folder of CSV files like any other."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        if _write(path, known, after=after, by=by) == 0:
            return UUID(int=0)
        batch = folder.read(path)
        manner = Manner(name="demo", by=COORDINATOR, clinics=CLINICS, protocols=_protocols())
        outcome = imports.take(engine, batch, manner, now=clock())
    if outcome.import_id is None:
        problems = "; ".join(str(problem) for problem in outcome.errors[:3])
        raise RuntimeError(f"the demo's own records were refused: {problems}")
    return outcome.import_id


def _protocols() -> dict[str, Protocol]:
    text = trial.folder().joinpath("protocol.toml").read_bytes()
    protocol = protocols.parse(text, where="protocol.toml")
    return {protocol.id: protocol}


def _write(path: Path, known: list[Records], *, after: date, by: date) -> int:
    written = 0
    for table in TABLES:
        rows = [row for source in known for row in source.on(table, after=after, by=by)]
        written += len(rows)
        if rows:
            with (path / f"{table}.csv").open("w", encoding="utf-8", newline="") as file:
                names = list(dict.fromkeys(name for row in rows for name in row))
                writer = csv.DictWriter(file, names, restval="")
                writer.writeheader()
                writer.writerows(rows)
    return written
