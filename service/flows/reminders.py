"""A reminder becomes due: claim, guard, attempt, send, outcome, next rung.

One transaction claims, guards and commits the attempts; none is open during the calls; outcomes are written
in slices, each with the next rungs of its items.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import attempts, deployments, items, messages, reminders, work_items
from db.attempts import Ending
from db.batches import batched
from db.engine import writing
from db.messages import Claimed, Outcome
from db.reminders import Decision
from db.tables import AttemptState, MessageState, ReminderState
from db.types import new_id
from schedules import days, ladder
from schedules.fields import Level
from service import messages as wording
from service.channels import Accepted, Answer, Channels, Letter, Rejected, Unknown
from service.clock import Clock
from service.flows import guarding, rungs, wordings
from service.flows.guarding import Saying, Seen

BATCH = 500
SLICE = 50
LEASE = timedelta(seconds=60)
MOST_ATTEMPTS = 5
RETRY = timedelta(minutes=15)

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """A claimed message with something to say, and the attempt committed for it."""

    claimed: Claimed
    attempt_id: UUID
    sayings: tuple[Saying, ...]
    sender: wording.Sender
    person: sa.Row
    language: str
    today: date


@dataclass(frozen=True, slots=True)
class Sent:
    dispatch: Dispatch
    answer: Answer
    text: wording.Text | None


def tick(
    engine: Engine, clock: Clock, channels: Channels, *, go_on: Callable[[], bool] = lambda: True
) -> int:
    """Say everything that is due by now, while `go_on` says so after a batch; how many were looked at."""
    handled = 0
    while True:
        with writing(engine) as session:
            claimed, dispatches = _claim(session, clock())
        if not claimed:
            return handled
        handled += claimed
        sent = [_send(dispatch, channels) for dispatch in dispatches]
        for some in batched(sent, SLICE):
            with writing(engine) as session:
                _settle(session, some, clock())
        if not go_on():
            return handled


# ---- claim and guard: one transaction


def _claim(session: Session, now: datetime) -> tuple[int, list[Dispatch]]:
    if deployments.is_held(session):
        return 0, []
    claimed = messages.claim(session, now=now, limit=BATCH, lease=LEASE)
    attempts.abandon(session, [message.key for message in claimed if message.attempts > 1], now=now)
    seen = guarding.look(session, claimed, now=now)
    guarding.write(session, seen, now=now)
    speaking = [message for message in claimed if seen.sayings.get(message.id)]
    silent = [message for message in claimed if not seen.sayings.get(message.id)]
    messages.settle(session, [Outcome(claimed=message, state=MessageState.EMPTY) for message in silent])
    dispatches = [_dispatch(seen, message, now) for message in speaking]
    attempts.start(session, [_attempt(dispatch, now) for dispatch in dispatches])
    return len(claimed), dispatches


def _dispatch(seen: Seen, message: Claimed, now: datetime) -> Dispatch:
    person = seen.rows[message.patient_id]
    return Dispatch(
        claimed=message,
        attempt_id=new_id(),
        sayings=tuple(seen.sayings[message.id]),
        sender=guarding.sender(seen.clinics[message.clinic_id]),
        person=person,
        language=wordings.spoken(person, seen.signed),
        today=days.local_day(now, days.zone(person.time_zone)),
    )


def _attempt(dispatch: Dispatch, now: datetime) -> dict[str, Any]:
    message = dispatch.claimed
    return {
        "clinic_id": message.clinic_id,
        "id": dispatch.attempt_id,
        "message_id": message.id,
        "number": message.attempts,
        "channel": message.channel,
        "started_at": now,
    }


# ---- send: no transaction


def _send(dispatch: Dispatch, channels: Channels) -> Sent:
    """One bad message is one bad message: whatever it raises is caught here."""
    message = dispatch.claimed
    try:
        text = _render(dispatch)
        letter = Letter(
            key=message.id,
            attempt=dispatch.attempt_id,
            subject=text.subject if text else "",
            body=text.body if text else "",
        )
        return Sent(dispatch, channels[message.channel].send(letter), text)
    except Exception as error:
        log.error("message not sent", message=str(message.id), error=type(error).__name__)
        return Sent(dispatch, Rejected(code=type(error).__name__, permanent=False), None)


def _render(dispatch: Dispatch) -> wording.Text | None:
    """The text for a person at home; staff get a work item instead."""
    audience = dispatch.claimed.audience.value
    if audience not in ladder.PEOPLE:
        return None
    return wording.render(
        dispatch.sender,
        [_line(saying, dispatch.today) for saying in dispatch.sayings],
        audience=audience,
        language=dispatch.language,
        wording=dispatch.person.wording.value,
    )


def _line(saying: Saying, today: date) -> wording.Line:
    item, tone = saying.row.item, guarding.tone(saying, today)
    if item.appointment is not None:
        return wording.Line(item.kind, tone, item.appointment.date(), item.appointment.time())
    return wording.Line(item.kind, tone, item.due_on)


# ---- outcome and next rung: one transaction a slice


def _settle(session: Session, slice_: Sequence[Sent], now: datetime) -> None:
    """Write the outcomes of the messages that are still ours; a lost lease leaves them to its new holder.

    Items are locked before messages, as everywhere: who plans holds the items and then wants the messages.
    """
    items.lock_open(session, list({saying.row.key for sent in slice_ for saying in sent.dispatch.sayings}))
    ours = messages.settle(session, [_outcome(sent, now) for sent in slice_])
    settled = [sent for sent in slice_ if sent.dispatch.claimed.id in ours]
    attempts.end(session, [_ending(sent) for sent in settled], now=now)
    lost = [sent for sent in slice_ if sent.dispatch.claimed.id not in ours]
    attempts.end(session, [_lost(sent) for sent in lost], now=now)
    over = [sent for sent in settled if _is_over(sent)]
    reminders.decide(session, [decision for sent in over for decision in _decisions(sent)], now=now)
    work_items.raise_(session, [row for sent in over for row in _work(sent, now)], now=now)
    keys = list({saying.row.key for sent in over for saying in sent.dispatch.sayings})
    still = items.lock_open(session, keys)
    rungs.climb(session, [row for id_, row in items.of(session, keys).items() if id_ in still], now=now)


def _is_over(sent: Sent) -> bool:
    """Accepted, or not to be tried again."""
    match sent.answer:
        case Accepted() | Rejected(permanent=True):
            return True
        case _:
            return sent.dispatch.claimed.attempts >= MOST_ATTEMPTS


def _outcome(sent: Sent, now: datetime) -> Outcome:
    text = sent.text
    accepted = isinstance(sent.answer, Accepted)
    over = MessageState.ACCEPTED if accepted else MessageState.FAILED
    return Outcome(
        claimed=sent.dispatch.claimed,
        state=over if _is_over(sent) else MessageState.WAITING,
        accepted_at=now if accepted else None,
        send_at=None if _is_over(sent) else now + RETRY,
        subject=None if text is None else text.subject,
        body=None if text is None else text.body,
    )


def _ending(sent: Sent) -> Ending:
    answer = sent.answer
    states = {Accepted: AttemptState.ACCEPTED, Rejected: AttemptState.REJECTED, Unknown: AttemptState.UNKNOWN}
    return Ending(
        clinic_id=sent.dispatch.claimed.clinic_id,
        id=sent.dispatch.attempt_id,
        state=states[type(answer)],
        code=None if isinstance(answer, Accepted) else answer.code,
        provider_id=answer.provider_id if isinstance(answer, Accepted) else None,
    )


def _lost(sent: Sent) -> Ending:
    """Another has the message now, and decides by its own attempt what became of it."""
    key = sent.dispatch.claimed.clinic_id, sent.dispatch.attempt_id
    return Ending(clinic_id=key[0], id=key[1], state=AttemptState.UNKNOWN, code="lease-lost")


def _decisions(sent: Sent) -> list[Decision]:
    accepted = isinstance(sent.answer, Accepted)
    state = ReminderState.SENT if accepted else ReminderState.SUPPRESSED
    reason = "sent" if accepted else "it could not be delivered"
    clinic_id = sent.dispatch.claimed.clinic_id
    return [Decision(clinic_id=clinic_id, id=s.id, state=state, reason=reason) for s in sent.dispatch.sayings]


def _work(sent: Sent, now: datetime) -> list[dict[str, Any]]:
    """What a person must do now: what the rungs of staff open, or what became of a message that failed."""
    if not isinstance(sent.answer, Accepted):
        return [
            _work_item(sent.dispatch.sayings[0], now, kind="undeliverable", level="24h", role="coordinator")
        ]
    return [
        _work_item(saying, now, kind=rung.kind, level=rung.level, role=rung.role)
        for saying in sent.dispatch.sayings
        if (rung := saying.step.rung).kind is not None and rung.level is not None
    ]


def _work_item(saying: Saying, now: datetime, *, kind: str, level: Level, role: Any) -> dict[str, Any]:
    row = saying.row
    return {
        "clinic_id": row.clinic_id,
        "patient_id": row.patient_id,
        "course_id": row.course_id,
        "item_id": row.id,
        "kind": kind,
        "level": level,
        "role": role,
        "key": f"item/{row.id}/{kind}",
        "due_by": now + ladder.DUE_BY[level],
    }
