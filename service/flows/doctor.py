"""What can be wrong with an installation, looked at in one go: a sentence for each thing."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from db import clinics, copies, deployments, invariants, migrations, notices, reminders
from db.adherence import Scope
from db.engine import reading
from schedules import library
from service.flows import health, holds, prescribing, rungs, second_look, staff

LEAST_FREE = 256 * 1024**2  # bytes: a product choice
LONGEST_SILENCE = timedelta(hours=26)  # from one digest to the next, over a clock change
SHOWN = 3  # keys of rows that break an invariant


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    check: str
    wrong: bool
    sentence: str


def examine(engine: Engine, configured: str | None, *, now: datetime, mails: bool = False) -> list[Finding]:
    """Every check, the wrong ones with how to put them right. It changes nothing."""
    try:
        revision = migrations.current(engine)
        if revision != migrations.head():
            asked = (
                f"The database is at revision {revision or 'none'}, this program needs {migrations.head()}"
            )
            return [_finding("revision", f"{asked}: run nextcount migrate."), *_disk(engine)]
        found = [_good("revision", f"The database is at revision {revision}.")]
        with reading(engine) as session:
            found += [*_invariants(session), _zones(session), *_deployment(session, engine, configured)]
            found += [*_staff(session, mails), *_digests(session, now), _check_ins(session)]
    except SQLAlchemyError as error:
        found = [_finding("database", f"The database cannot be read: {type(error).__name__}.")]
    return [*found, *_next_dates(engine, now), *_loops(engine, now), *_protocols(), *_disk(engine)]


def _protocols() -> Iterator[Finding]:
    for error in library.broken().values():
        remedy = "clinics keep the last good version: put the file back"
        yield _finding("protocols", f"A packaged protocol cannot be read: {error}; {remedy}.")


def _good(check: str, sentence: str) -> Finding:
    return Finding(check=check, wrong=False, sentence=sentence)


def _finding(check: str, sentence: str) -> Finding:
    return Finding(check=check, wrong=True, sentence=sentence)


def _invariants(session: Session) -> Iterator[Finding]:
    broken = invariants.broken(session)
    for name, rows in broken.items():
        keys = ", ".join("/".join(map(str, row)) for row in rows[:SHOWN])
        yield _finding("invariants", f"{len(rows)} rows break the rule that {name}: {keys}.")
    if not broken:
        yield _good("invariants", f"All {len(invariants.INVARIANTS)} invariants hold.")


def _check_ins(session: Session) -> Finding:
    """Every answer judged again must have the level that was acted on."""
    differing = second_look.differing(session)
    if differing:
        keys = ", ".join(map(str, differing[:SHOWN]))
        return _finding("check-ins", f"{len(differing)} check-ins judged again have another level: {keys}.")
    return _good("check-ins", "Every check-in judged again has the level that it had.")


def _zones(session: Session) -> Finding:
    count = reminders.of_other_zones(session, rungs.TZDATA)
    if count:
        return _finding("zones", f"{count} reminders wait that were computed with other zones than tzdata's.")
    return _good("zones", f"The zones are those of tzdata {rungs.TZDATA}.")


def _deployment(session: Session, engine: Engine, configured: str | None) -> Iterator[Finding]:
    stored = deployments.get(session)
    if held := holds.sentence(stored):
        yield _finding("hold", held)
    elif stored is None and holds.beside(engine) is None and configured is None:
        yield _finding(
            "hold", f"{holds.SETTING} is not set: a copy of this database would send as this one does."
        )
    else:
        yield _good("hold", "The database is not held.")


def _loops(engine: Engine, now: datetime) -> Iterator[Finding]:
    seen = health.look(engine, now=now)
    reasons = [reason for reason in seen.reasons if not reason.startswith("HOLD")]
    yield from (_finding("loops", reason) for reason in reasons)
    if not reasons:
        yield _good("loops", "The loops give signs of life.")
    yield from (_good("pause", sentence) for sentence in seen.paused)


def _staff(session: Session, mails: bool) -> Iterator[Finding]:
    if not mails:
        yield _good("staff", "No e-mail transport is configured: nobody is mailed digests and alarms.")
        return
    for clinic in staff.unmailed(session):
        yield _finding("staff", f"{clinic}: nobody is mailed everything: run nextcount staff set.")


def _digests(session: Session, now: datetime) -> Iterator[Finding]:
    """A clinic that is a day old has had a digest in the last day."""
    last = notices.last_digests(session)
    for clinic in clinics.every(session):
        told = last.get(clinic.id)
        if now - (told or clinic.created_at) > LONGEST_SILENCE:
            yield _finding("digests", f"{clinic.name}: {_digest(told)}.")
        elif told is not None:
            yield _good("digests", f"{clinic.name}: {_digest(told)}.")


def _digest(told: datetime | None) -> str:
    return "no digest went out yet" if told is None else f"the last digest went out {told:%Y-%m-%d %H:%M} UTC"


def _next_dates(engine: Engine, now: datetime) -> Iterator[Finding]:
    """Nobody may be on a medicine without a next due date."""
    for one in prescribing.without_next_date(engine, Scope(), now=now):
        where = f"{one.clinic}, {one.mrn}, {one.medicine}"
        yield _finding("next dates", f"{where} has no next due date: {one.why}")


def _disk(engine: Engine) -> Iterator[Finding]:
    if engine.dialect.name != "sqlite":
        return
    file = Path(engine.url.database or "").resolve()
    wrong = copies.faults(file)
    yield from (_finding("file", f"The database's file is damaged: {line}.") for line in wrong)
    if not wrong:
        yield _good("file", "SQLite finds no fault in the file.")
    free = shutil.disk_usage(file.parent).free
    said = f"{free // 1024**2} MiB are free beside the database"
    yield _finding("disk", f"Only {said}: make room.") if free < LEAST_FREE else _good("disk", f"{said}.")
