"""The guard of the sending loop: what of a claimed message may be said now, and what becomes of the rest."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import items, reminders, work_items
from db.messages import Claimed
from db.reminders import Decision
from db.tables import Channel, ReminderState
from db.types import new_id
from schedules import closed_days, guard, ladder
from schedules.closed_days import ClosedDays
from schedules.facts import Item
from schedules.guard import Verdict
from service.flows import gathering, reach, rungs, situations, wordings
from service.flows.situations import Saying, Seen
from service.messages import Line

ENDS = {
    Verdict.WITHDRAW: ReminderState.WITHDRAWN,
    Verdict.SUPPRESS: ReminderState.SUPPRESSED,
    Verdict.EXPIRE: ReminderState.EXPIRED,
}


def look(
    session: Session,
    claimed: Sequence[Claimed],
    *,
    now: datetime,
    carried: frozenset[Channel] = frozenset(),
    doubtful: Collection[UUID] = (),
) -> Seen:
    """Read the facts in the claim's own transaction, its items locked, and decide every reminder."""
    messages = [message.key for message in claimed]
    takers = gathering.takers(claimed, doubtful, now)
    others = gathering.unclaimed(session, takers, now=now)
    concerned = reminders.items_of(session, messages) | {(row.clinic_id, row.item_id) for row in others}
    stored = items.locked(session, concerned)
    stored |= items.of(session, [key for key in concerned if key[1] not in stored])  # closed
    said = reminders.of_messages(session, messages)  # as they are, once their items are locked
    if takers:
        free = [row for row in gathering.unclaimed(session, takers, now=now) if row.item_id in stored]
        said = gathering.gather(session, said, takers, free)
    people = list({(message.clinic_id, message.patient_id) for message in claimed})
    seen = situations.see(session, people, stored, now=now, carried=carried, doubtful=doubtful)
    for message in claimed:
        for row in said.get(message.id, []):
            _decide(seen, message, row, now)
    return seen


def _decide(seen: Seen, message: Claimed, row: sa.Row, now: datetime) -> None:
    decision = guard.decide(situations.of(seen, row, now))
    if message.id in seen.doubtful and decision.verdict not in (Verdict.WITHDRAW, Verdict.EXPIRE):
        seen.sayings[message.id].append(_perhaps_said(seen, row))
        if decision.verdict is not Verdict.SEND:
            seen.stuck.add(message.id)
    elif decision.verdict is Verdict.SEND:
        _catch_up(seen, message, row, now)
        seen.spoken_to |= {row.patient_id} if row.track.value in ladder.PEOPLE else set()
    elif decision.verdict is Verdict.WAIT:
        seen.later.append((row, decision.again_at))
        seen.uncallable |= {row.clinic_id} if decision.reason == guard.CANNOT_BE_CALLED else set()
    else:
        seen.decisions.append(_ending(row, ENDS[decision.verdict], decision.reason))
        if decision.verdict is not Verdict.WITHDRAW:
            seen.to_climb.append(seen.stored[row.item_id])
        if decision.verdict is Verdict.SUPPRESS:
            seen.unreachable.add((row.clinic_id, row.patient_id))


def _perhaps_said(seen: Seen, row: sa.Row) -> Saying:
    """A reminder as it was, or is, in a message that may have been said: it makes no way for a later one."""
    stored, track = seen.stored[row.item_id], row.track.value
    hours = seen.people[row.patient_id].of(track)
    found = ladder.steps(stored.item, track, hours=hours, begins=stored.version_at)
    return Saying(id=row.id, row=stored, step=next(s for s in found if s.position >= row.position))


def _ending(row: sa.Row, state: ReminderState, reason: str) -> Decision:
    return Decision(clinic_id=row.clinic_id, id=row.id, state=state, reason=reason)


def _catch_up(seen: Seen, message: Claimed, row: sa.Row, now: datetime) -> None:
    """Of the rungs that have passed on this track only the latest is said; the others are superseded."""
    stored, track = seen.stored[row.item_id], row.track.value
    hours = seen.people[row.patient_id].of(track)
    begins, before = stored.version_at, row.position - 1
    found = ladder.steps(stored.item, track, hours=hours, begins=begins, after=before)
    *older, last = ladder.passed(found, now)
    if not older:
        seen.sayings[message.id].append(Saying(id=row.id, row=stored, step=last))
        return
    reason = "a later rung took its place"
    seen.decisions.append(_ending(row, ReminderState.SUPERSEDED, reason))
    for step in older[1:]:
        ended = {"state": ReminderState.SUPERSEDED, "reason": reason, "decided_at": now}
        seen.passed.append(
            rungs.reminder_row(stored, track, step, hours) | ended | {"message_id": message.id}
        )
    taking_over = new_id()
    waits = {"id": taking_over, "message_id": message.id, "state": ReminderState.WAITING}
    waits |= {"reason": None, "decided_at": None}
    seen.passed.append(rungs.reminder_row(stored, track, last, hours) | waits)
    seen.sayings[message.id].append(Saying(id=taking_over, row=stored, step=last))


def write(session: Session, seen: Seen, *, now: datetime) -> None:
    """Store what the guard decided. What must wait gets another message, at the moment it may be said."""
    reminders.decide(session, seen.decisions, now=now)
    reminders.add(session, [{"id": new_id()} | row for row in seen.passed])
    again = [
        {
            "clinic_id": row.clinic_id,
            "patient_id": row.patient_id,
            "track": row.track,
            "send_at": at,
            "row": row,
        }
        for row, at in seen.later
        if at is not None
    ]
    slots = rungs.message_slots(session, again, now=now)
    moved: list[tuple[sa.Row, UUID | None]] = [(row["row"], slots[rungs.slot_of(row)]) for row in again]
    moved += [(row, None) for row, at in seen.later if at is None]
    reminders.move(
        session,
        [{"clinic_id": row.clinic_id, "id": row.id, "message_id": message_id} for row, message_id in moved],
    )
    work_items.raise_(session, [reach.work_item(key, now) for key in sorted(seen.unreachable)], now=now)
    work_items.raise_(
        session, [_uncallable(clinic_id, now) for clinic_id in sorted(seen.uncallable)], now=now
    )
    spoken_to = [seen.rows[patient_id] for patient_id in seen.spoken_to]
    wordings.raise_(session, wordings.unspoken(spoken_to, seen.signed), now=now)
    rungs.climb(session, [row for row in seen.to_climb if row.item.class_ is None], now=now)


def _uncallable(clinic_id: UUID, now: datetime) -> dict[str, Any]:
    """Nothing goes out to anybody of this clinic until it says whom to call."""
    return {
        "clinic_id": clinic_id,
        "kind": "clinic-cannot-be-called",
        "level": "same-day",
        "role": "coordinator",
        "key": "clinic-cannot-be-called",
        "due_by": now + ladder.DUE_BY["same-day"],
    }


def line(item: Item, today: date, closed: ClosedDays) -> Line:
    """An item as a message of that day tells it: ahead, due, overdue, or booked."""
    if item.appointment is not None:
        return Line(item.kind, "booked", item.appointment.date(), item.appointment.time())
    day = closed_days.told(closed, item, today)
    if today > item.last_on_time:
        return Line(item.kind, "overdue", day)
    return Line(item.kind, "due" if today >= day else "ahead", day)
