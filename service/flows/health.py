"""Whether the service does its work: what `/health/ready` and the banner of every page go by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from db import deployments, heartbeats, lanes, messages, migrations, pauses
from db.engine import reading
from db.tables import Heartbeat, Pause
from service.flows import holds, staff
from service.flows import lanes as ways
from service.flows import pauses as pausing

REMINDERS = "reminders"  # the loop that sends
STAFF = "staff"  # the loop that tells them, beside the one that may wait for a provider
RECEIPTS = "receipts"
UPKEEP = "upkeep"
CLOCK = "clock"  # the sign of life that says how far a machine's clock is ahead of the database's
WRONG = timedelta(seconds=30)  # a machine whose clock is so far off sends nothing
WATCHDOG = "watchdog"
ESCALATION = "escalation"
WHAT = {
    REMINDERS: "Reminders have",
    STAFF: "Reminders of staff have",
    RECEIPTS: "Receipts have",
    UPKEEP: "Plans have",
    WATCHDOG: "Alarms have",
    ESCALATION: "The rota's alarms have",
}
LOOPS = tuple(WHAT)
STALLED = timedelta(seconds=90)  # a loop that gave no sign of life for so long has stopped
WAITED = timedelta(minutes=15)  # a message that is due for so long is not being sent

_head = cache(migrations.head)


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What was seen, and in `reasons` a sentence for each thing that is wrong."""

    checked_at: datetime | None = None  # when reminders were last looked at
    oldest_due_at: datetime | None = None
    reasons: tuple[str, ...] = ()
    unmailed: tuple[str, ...] = ()  # the clinics of whose staff nobody is mailed everything
    paused: tuple[str, ...] = ()  # a sentence for each clinic whose sending a person paused


def look(engine: Engine, *, now: datetime, clinic_id: UUID | None = None) -> Health:
    """Of the whole house; of its pauses those of one clinic when it is named."""
    try:
        revision = migrations.current(engine)
        if revision != _head():
            return Health(reasons=(_other_revision(revision),))
        with reading(engine) as session:
            beats = heartbeats.every(session)
            oldest = messages.oldest_due(session, now=now)
            held = holds.sentence(deployments.get(session))
            unmailed = staff.unmailed(session, clinic_id)
            paused = pausing.sentences(session, _of(clinic_id, pauses.lasting(session, now=now)))
            lines = [sentence for lane in lanes.every(session) if (sentence := ways.sentence(lane))]
    except SQLAlchemyError:
        return Health(reasons=("The database cannot be reached.",))
    seen = {loop: max(beat.at for beat in beats if beat.loop == loop) for loop in {b.loop for b in beats}}
    return Health(
        checked_at=seen.get(REMINDERS),
        oldest_due_at=oldest,
        reasons=(
            *([held] if held else ()),
            *_reasons(seen, None if held else oldest, now),
            *_skewed(beats, now),
            *lines,
        ),
        unmailed=tuple(unmailed),
        paused=paused,
    )


def _of(clinic_id: UUID | None, those: Sequence[Pause]) -> Sequence[Pause]:
    return [pause for pause in those if clinic_id in (None, pause.clinic_id)]


def _other_revision(revision: str | None) -> str:
    is_at = f"The database is at revision {revision or 'none'}, this program needs {_head()}"
    return f"{is_at}: run nextcount migrate."


def _reasons(seen: dict[str, datetime], oldest: datetime | None, now: datetime) -> Iterator[str]:
    for loop, what in WHAT.items():
        if loop not in seen:
            yield f"{what} never been checked: start nextcount worker."
        elif now - seen[loop] > STALLED:
            yield f"{what} not been checked since {seen[loop]:%Y-%m-%d %H:%M} UTC: start nextcount worker."
    if oldest is not None and now - oldest > WAITED:
        yield f"A message has been due since {oldest:%Y-%m-%d %H:%M} UTC and has not gone out."


def _skewed(beats: Sequence[Heartbeat], now: datetime) -> Iterator[str]:
    for beat in beats:
        ahead = timedelta(seconds=beat.ahead_seconds or 0)
        if abs(ahead) > WRONG and now - beat.at <= STALLED:
            which = "ahead of" if ahead > timedelta(0) else "behind"
            yield (
                f"The clock of {beat.process} is {abs(ahead).total_seconds():.0f} seconds {which} the "
                "database's: set it right; until then that process sends nothing."
            )
