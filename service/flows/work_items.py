"""The work list, the most urgent first: a person takes it, puts it off, or says what came of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, NoReturn
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import audit, clinics, items, patients, reminders, work_items
from db.batches import Key
from db.engine import reading
from db.tables import EndReason, WorkState
from schedules import days, ladder, rota
from schedules.limits import LEVELS
from service.errors import Fault, Problem
from service.flows import events, overdue, work_outcomes
from service.flows.courses import NOTHING_HERE, today
from service.flows.work_outcomes import ANSWERED, TRIES, Outcome

RED = ("same-day", "emergency")
MORNING = time(9)  # of the day until which a work item was put off, in the clinic's zone
LONGEST_SNOOZE = 28  # days: a product choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """One place on the list, and why it is there."""

    row: sa.Row
    late: bool  # past its deadline
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts, and whether by a key of their own."""

    name: str
    is_named: bool
    clinic_id: UUID | None = None  # whose key it is, where that matters; None: of the house


def ranked(
    engine: Engine, clinic_id: UUID | None, *, now: datetime, role: str | None = None, snoozed: bool = False
) -> list[Ranked]:
    """Unfinished work: by level, then what is past its deadline, then as the overdue list has it."""
    risks = {risk.of.item_id: risk for risk in overdue.ranked(engine, now=now, clinic_id=clinic_id)}
    with reading(engine) as session:
        rows = work_items.unfinished(session, clinic_id)
    shown = [row for row in rows if role in (None, row.role) and (snoozed or not _sleeps(row, now))]
    places = {item_id: place for place, item_id in enumerate(risks)}

    def place(row: sa.Row) -> tuple[object, ...]:
        return -LEVELS.index(row.level), now < row.due_by, places.get(row.item_id, len(places)), row.due_by

    return [
        Ranked(row=row, late=now >= row.due_by, reasons=(*_reasons(row, now), *_of(risks.get(row.item_id))))
        for row in sorted(shown, key=place)
    ]


def _sleeps(row: sa.Row, now: datetime) -> bool:
    return row.state is WorkState.SNOOZED and now < row.snoozed_until


def _of(risk: object) -> Iterable[str]:
    return getattr(risk, "reasons", ())


def _reasons(row: sa.Row, now: datetime) -> Sequence[str]:
    found = [row.about] if row.about else []
    if row.level in RED:
        found.append(f"Its level is {row.level}.")
    if now >= row.due_by:
        found.append(f"Its deadline was {row.due_by:%Y-%m-%d %H:%M} UTC.")
    if has_lapsed(row, now):
        found.append(f"{row.owner} claimed it more than an hour ago: the rota is told again.")
    if row.raised > 1:
        found.append(f"It was raised {row.raised} times.")
    return found


def claim(session: Session, key: Key, who: Person, *, take_over: bool, now: datetime) -> sa.Row:
    """From now on it is this person's. Problem when it is another's, unless it is taken over."""
    row = unfinished(session, key)
    if _is_anothers(row, who, now) and not take_over:
        raise Problem(409, f"{row.owner} has it: take it over if that is agreed.")
    claimed = {"state": WorkState.CLAIMED, "owner": who.name, "claimed_at": now, "snoozed_until": None}
    work_items.change(session, key, **claimed)
    _record(session, key, who, "claim work", now, {"from": row.owner})
    return shown(session, key)


def snooze(session: Session, key: Key, who: Person, *, until: date, now: datetime) -> sa.Row:
    """Off the list until that morning. What is red cannot be put off."""
    row = _mine(session, key, who, now)
    if row.level in RED:
        raise Problem(409, "What is for today or an emergency cannot be put off: say what came of it.")
    awake = _morning(session, key[0], until, "until", now)
    work_items.change(session, key, state=WorkState.SNOOZED, owner=who.name, snoozed_until=awake)
    _record(session, key, who, "snooze work", now, {"until": until.isoformat()})
    return shown(session, key)


def _morning(session: Session, clinic_id: UUID, until: date | None, place: str, now: datetime) -> datetime:
    """Of that day, or of tomorrow, at the clinic."""
    clinic = clinics.get(session, clinic_id)
    assert clinic is not None
    zone = days.zone(clinic.time_zone)
    day = until or days.shift(days.local_day(now, zone), 1)
    if not 0 < (day - days.local_day(now, zone)).days <= LONGEST_SNOOZE:
        _refuse(place, f"choose a day after today, at most {LONGEST_SNOOZE} days on")
    return days.instant(day, MORNING, zone)


def finish(
    session: Session,
    key: Key,
    who: Person,
    *,
    outcome: Outcome,
    text: str | None,
    now: datetime,
    again_on: date | None = None,
) -> sa.Row:
    """Say what came of it. What is red a named person finishes, in words."""
    _lock_patient(session, key)
    row = _mine(session, key, who, now)
    if outcome in TRIES:
        return _try_again(session, row, who, outcome, again_on, text, now)
    if row.kind in ANSWERED:
        raise Problem(409, ANSWERED[row.kind])
    if row.level in RED and not who.is_named:
        raise Problem(409, "What is for today or an emergency is finished by a named person: use your key.")
    if text is None and (row.level in RED or outcome is Outcome.OTHER):
        _refuse("text", "is missing: say in words what came of it")
    done = {"state": WorkState.DONE, "closed_at": now, "outcome": outcome.value, "note": text}
    work_items.change(session, key, owner=who.name, **done)
    _record(session, key, who, "finish work", now, {"outcome": outcome.value})
    _follow(session, row, who, outcome, now)
    _still_watched(session, row)
    return shown(session, key)


def _try_again(
    session: Session,
    row: sa.Row,
    who: Person,
    outcome: Outcome,
    again_on: date | None,
    text: str | None,
    now: datetime,
) -> sa.Row:
    """Nobody was spoken to: it comes back that morning, or tomorrow; what is red stays where it is."""
    key = row.clinic_id, row.id
    note = f"{outcome.value}, {who.name}, {now:%Y-%m-%d %H:%M} UTC"
    said: dict[str, Any] = {"owner": who.name, "note": note if text is None else f"{note}: {text}"}
    if row.level not in RED:
        awake = _morning(session, key[0], again_on, "again_on", now)
        said |= {"state": WorkState.SNOOZED, "snoozed_until": awake}
    work_items.change(session, key, **said)
    _record(session, key, who, "try work", now, {"outcome": outcome.value})
    return shown(session, key)


def _lock_patient(session: Session, key: Key) -> None:
    """Before the work item: who plans takes them in that order."""
    row = work_items.one(session, key, lock=False)
    if row is not None and row.patient_id is not None:
        patients.lock(session, (row.clinic_id, row.patient_id))


def _follow(session: Session, row: sa.Row, who: Person, outcome: Outcome, now: datetime) -> None:
    """What an outcome asks for by itself."""
    if row.patient_id is None:
        return
    person = patients.of(session, [(row.clinic_id, row.patient_id)])[row.patient_id]
    about = {"clinic_id": row.clinic_id, "patient_id": row.patient_id, "course_id": row.course_id}
    asked = work_outcomes.work_item(outcome, about)
    if asked is not None:
        due_by = now + ladder.DUE_BY[asked["level"]]
        work_items.raise_(session, [asked | {"due_by": due_by}], now=now)
    if outcome is Outcome.DIED and person.ended_reason is not EndReason.DIED:
        on = today(person, now)
        events.end_now(session, person, on=on, reason=EndReason.DIED, by=who.name, now=now)


def _still_watched(session: Session, row: sa.Row) -> None:
    """Problem when nothing would look at the item again: no rung waits for it, and no other work is open."""
    found = items.of(session, [(row.clinic_id, row.item_id)]) if row.item_id else {}
    for stored in found.values():
        item = stored.item
        rungs = reminders.of_items(session, [stored.key]).get(stored.id, [])
        waits = any(one.decided_at is None and one.version == stored.version for one in rungs)
        asleep = item.class_ is not None or item.held or item.kind == "check-in"
        if not (waits or asleep or work_items.for_items(session, [stored.key])):
            raise Problem(409, "Nothing else would watch what this is about: enter what became of it first.")


def unfinished(session: Session, key: Key) -> sa.Row:
    row = work_items.one(session, key)
    if row is None:
        raise Problem(404, NOTHING_HERE)
    if row.state is WorkState.DONE:
        raise Problem(409, "It is finished already.")
    return row


def _mine(session: Session, key: Key, who: Person, now: datetime) -> sa.Row:
    row = unfinished(session, key)
    if _is_anothers(row, who, now):
        raise Problem(409, f"{row.owner} has it: claim it first.")
    return row


def _is_anothers(row: sa.Row, who: Person, now: datetime) -> bool:
    return row.state is WorkState.CLAIMED and row.owner != who.name and not has_lapsed(row, now)


def has_lapsed(row: sa.Row, now: datetime) -> bool:
    """Whether a claim of what is red is so old that it counts no longer, and the rota is told again."""
    claimed = row.state is WorkState.CLAIMED and row.level in RED
    return claimed and now - (row.claimed_at or row.opened_at) >= rota.CLAIMED


def shown(session: Session, key: Key) -> sa.Row:
    row = work_items.one(session, key)
    assert row is not None
    return row


def _refuse(place: str, what: str) -> NoReturn:
    raise Problem(422, "The request is not valid.", errors=[Fault(f"body.{place}", what)])


def _record(
    session: Session, key: Key, who: Person, action: str, now: datetime, detail: dict[str, str | None]
) -> None:
    subject = ("work_item", str(key[1]))
    audit.record(session, key[0], who.name, action, subject=subject, now=now, detail=detail)
