"""HOLD: a restored or copied database sends nothing until a named person has seen what would go out.

The database knows whose it is, and so does the place it stands in: a file beside it on SQLite, a setting on
PostgreSQL. When they differ it is held. What was due up to the release may have been sent already, by the
original or in the time that was lost: to people at home it is not said again, the next rung takes over.
Staff are told at once, for their work list was lost with the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import audit, clinics, courses, deployments, items, messages, reminders
from db.engine import reading, writing
from db.items import Stored
from db.reminders import Decision
from db.tables import Deployment, ReminderState
from db.types import new_id
from schedules import ladder
from schedules.ladder import Step, Track
from service.errors import Refused
from service.flows import releases, rungs
from service.flows.releases import Preview
from service.flows.rungs import Person

SETTING = "NEXTCOUNT_DEPLOYMENT_ID"
PERHAPS_SENT = "it may have been sent before the database was restored or copied"


# ---- whose database is it


def meet(engine: Engine, configured: str | None, *, now: datetime) -> None:
    """Make the database this deployment's at its first start; hold it when it is another's."""
    ours = _ours(engine, configured)
    with reading(engine) as session:
        stored = deployments.get(session)
    if stored is None:
        ours = ours or _make(engine)
    if ours == (stored.id if stored is not None else None):
        return
    with writing(engine) as session:
        if stored is None and ours is not None:
            deployments.adopt(session, ours)
        else:
            deployments.hold(session, reason=_differs(engine, ours), now=now)


def beside(engine: Engine) -> Path | None:
    """The file that says whose database should be here; None where a setting does."""
    if engine.dialect.name != "sqlite":
        return None
    return Path(f"{Path(engine.url.database or '').resolve()}-deployment")


def _ours(engine: Engine, configured: str | None) -> str | None:
    file = beside(engine)
    if file is None:
        return configured
    return file.read_text("utf-8").strip() if file.exists() else None


def _make(engine: Engine) -> str | None:
    """A new id in the file beside the database; on PostgreSQL only a person makes one."""
    file = beside(engine)
    if file is None:
        return None
    made = str(uuid4())
    file.write_text(f"{made}\n", "utf-8")
    return made


def _differs(engine: Engine, ours: str | None) -> str:
    file = beside(engine)
    if file is None:
        return f"{SETTING} is {'another than the' if ours else 'not set, but there is one in the'} database's"
    return f"{file.name} is {'of another database' if ours else 'missing'}"


def sentence(stored: Deployment | None) -> str | None:
    """That the database is held and how to release it, or None."""
    if stored is None or stored.held_since is None:
        return None
    return (
        f"HOLD: nothing is sent, for this database was restored or copied ({stored.held_reason}). What was "
        f"sent after {stored.held_since:%Y-%m-%d %H:%M} UTC is not known here: run nextcount hold show, "
        "then nextcount hold release."
    )


# ---- what a release would bring


@dataclass(frozen=True, slots=True, kw_only=True)
class _Standing:
    """The open items of one clinic, and on each track the rung that waits and what has passed."""

    rows: list[Stored]
    who: Mapping[UUID, Person]
    done: dict[tuple[UUID, Track], int]
    passed: dict[tuple[UUID, Track], list[Step]]
    waiting: dict[tuple[UUID, Track], sa.Row]

    def begun(self, now: datetime) -> list[Stored]:
        """Those of which something has passed begin again, paced as at the release of an import."""
        late = {item_id for (item_id, _), steps in self.passed.items() if steps}
        return releases.begun([row for row in self.rows if row.id in late], self.who, now=now)

    def after(self) -> dict[tuple[UUID, Track], int]:
        """How far each track has come once what may have been sent counts as sent."""
        people = {key: steps[-1].position for key, steps in self.perhaps_sent().items()}
        return self.done | people

    def perhaps_sent(self) -> dict[tuple[UUID, Track], list[Step]]:
        return {key: steps for key, steps in self.passed.items() if steps and key[1] in ladder.PEOPLE}


def preview(session: Session, *, now: datetime) -> Preview:
    """What the next five days would bring if the database were released now. Nothing is written."""
    rows: list[Stored] = []
    done: dict[tuple[UUID, Track], int] = {}
    for clinic in clinics.every(session):
        standing = _standing(session, clinic.id, now)
        begun = {row.id: row for row in standing.begun(now)}
        rows += [begun.get(row.id, row) for row in standing.rows]
        done |= standing.after()
    return releases.foresee(session, rows, done=done, now=now)


def _standing(session: Session, clinic_id: UUID, now: datetime) -> _Standing:
    stored = items.of(session, items.open_of(session, clinic_id)).values()
    silent = courses.unreleased(session, list({(clinic_id, row.course_id) for row in stored}))
    rows = [row for row in stored if not row.item.held and row.course_id not in silent]
    past = reminders.of_items(session, [row.key for row in rows])
    standing = _Standing(
        rows=rows,
        who=rungs.people(session, [(clinic_id, row.patient_id) for row in rows]),
        done={},
        passed={},
        waiting={},
    )
    for row in rows:
        for track in standing.who[row.patient_id].tracks(row.item.ladder):
            _look(standing, row, track, past.get(row.id, []), now)
    return standing


def _look(standing: _Standing, row: Stored, track: Track, past: Sequence[sa.Row], now: datetime) -> None:
    key = row.id, track
    mine = [rung for rung in past if rung.version == row.version and rung.track == track]
    standing.done[key] = max((rung.position for rung in mine if rung.decided_at is not None), default=0)
    standing.waiting.update((key, rung) for rung in mine if rung.decided_at is None)
    hours = standing.who[row.patient_id].of(track)
    found = ladder.steps(row.item, track, hours=hours, begins=row.version_at)
    standing.passed[key] = ladder.passed(found, now, after=standing.done[key])


# ---- release


def release(engine: Engine, configured: str | None, *, by: str, now: datetime) -> Preview:
    """Let the database send again, as this deployment's; what this brings. Refused when it is not held."""
    ours = _ours(engine, configured) or _make(engine)
    if ours is None:
        raise Refused(f"{SETTING} is not set: give this deployment an id of its own, then release again")
    with writing(engine) as session:
        stored = deployments.get(session)
        if stored is None or not deployments.release(session, ours, by=by, now=now):
            raise Refused("the database is not held: there is nothing to release")
        messages.let_go(session)
        expected = preview(session, now=now)
        for clinic in clinics.every(session):
            count = _start(session, clinic.id, now)
            audit.record(
                session, clinic.id, by, "hold release", subject=("deployment", ours), now=now,
                detail={"reason": stored.held_reason, "perhaps sent": count},
            )  # fmt: skip
    return expected


def _start(session: Session, clinic_id: UUID, now: datetime) -> int:
    """Give every item of which something has passed its next rungs; how many rungs may have been sent."""
    items.lock_open(session, items.open_of(session, clinic_id))
    standing = _standing(session, clinic_id, now)
    perhaps = standing.perhaps_sent()
    rows = {row.id: row for row in standing.rows}
    waiting = [standing.waiting[key] for key in perhaps if key in standing.waiting]
    reminders.decide(session, [_superseded(row) for row in waiting], now=now)
    unwritten = [
        _row(rows[item_id], track, step, standing.who, now)
        for (item_id, track), steps in perhaps.items()
        for step in steps
        if (item_id, track) not in standing.waiting
        or step.position != standing.waiting[item_id, track].position
    ]
    reminders.add(session, unwritten)
    releases.start(session, standing.begun(now), now=now)
    return len(waiting) + len(unwritten)


def _superseded(row: sa.Row) -> Decision:
    return Decision(clinic_id=row.clinic_id, id=row.id, state=ReminderState.SUPERSEDED, reason=PERHAPS_SENT)


def _row(row: Stored, track: Track, step: Step, who: Mapping[UUID, Person], now: datetime) -> dict[str, Any]:
    """A rung that was never written, for it passed meanwhile."""
    ended = {"state": ReminderState.SUPERSEDED, "reason": PERHAPS_SENT, "decided_at": now}
    planned = rungs.reminder_row(row, track, step, who[row.patient_id].of(track))
    return planned | ended | {"id": new_id(), "message_id": None}
