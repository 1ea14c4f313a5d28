"""What became of what was sent: its outcome, the reminders it said, and the next rung of each item."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any, Generic, TypeVar
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import attempts, items, messages, reminders, work_items
from db.attempts import Ending
from db.messages import Claimed, Outcome
from db.reminders import Decision
from db.tables import AttemptState, Channel, MessageState, ReminderState
from schedules import ladder
from schedules.closed_days import ClosedDays
from schedules.fields import Level
from service import messages as wording
from service.channels import INSIDE, Accepted, Answer, Capabilities, Rejected, Unknown
from service.flows import guarding, reach, rungs
from service.flows.doubts import HANDED_BACK, MOST_TRIES, NOT_TRIED, PATIENCE, Turn
from service.flows.situations import Saying

BASE, CAP, SHORTEST = timedelta(seconds=5), timedelta(minutes=15), timedelta(seconds=1)
RECEIPTS_WITHIN = timedelta(hours=4)  # else there is no confirmation, and somebody is told
ASK_AFTER = timedelta(minutes=1)  # by then a call that was cut off has come to its end

ATTEMPT_STATES = {
    Accepted: AttemptState.ACCEPTED,
    Rejected: AttemptState.REJECTED,
    Unknown: AttemptState.UNKNOWN,
}
REASONS = {
    MessageState.ACCEPTED: "sent",
    MessageState.FAILED: "it could not be delivered",
    MessageState.UNKNOWN: "nobody knows whether it arrived",
}
WORK = {MessageState.FAILED: "undeliverable", MessageState.UNKNOWN: "unknown-delivery"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(ABC):
    """A claimed message with something to say, and the attempt that is committed for it, or is in doubt."""

    claimed: Claimed
    turn: Turn
    attempt_id: UUID
    begun_at: datetime
    tries: int  # to this contact on this channel, with this one
    doubts: tuple[UUID, ...]  # earlier tries that may have arrived
    contact: sa.Row | None = None  # of somebody at home
    address: str = ""
    others: tuple[sa.Row, ...] = ()  # where it may go when nothing goes there
    can: Capabilities
    useful_until: datetime | None
    sender: wording.Sender
    link: str | None = None  # where the message leads
    why: str = ""  # the last of the doubts: its code
    lost: int = 0  # lives of workers that ended with it in hand

    @abstractmethod
    def say(self) -> wording.Text | None:
        """The text; None where there is none to be read."""

    @property
    def alone(self) -> bool:
        return self.lost > 0 and self.turn is Turn.SEND

    @property
    def unsubscribe(self) -> str | None:
        """Where one POST ends all messages (RFC 8058); mail programs post to https alone."""
        return f"{self.link}/stop" if self.link is not None and self.link.startswith("https:") else None

    @property
    def repeats(self) -> UUID | None:
        """The try that this one repeats without knowing whether it arrived."""
        return self.doubts[-1] if self.doubts and self.turn is Turn.SEND else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch(Call):
    """A message of reminders."""

    sayings: tuple[Saying, ...]
    person: sa.Row
    language: str
    today: date
    closed: ClosedDays

    def say(self) -> wording.Text | None:
        """For a person at home; for a rung of staff its work item says everything."""
        audience = self.claimed.audience.value
        if audience not in ladder.PEOPLE:
            return None
        return wording.render(
            self.sender,
            [guarding.line(saying.row.item, self.today, self.closed) for saying in self.sayings],
            audience=audience,
            language=self.language,
            wording=self.person.wording.value,
            link=self.link,
        )


Calling = TypeVar("Calling", bound=Call)


@dataclass(frozen=True, slots=True)
class Sent(Generic[Calling]):
    dispatch: Calling
    answer: Answer
    text: wording.Text | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """Where a message goes after an answer; without `again_at` it is over."""

    state: MessageState
    again_at: datetime | None = None
    channel: Channel | None = None


def fate(sent: Sent, now: datetime, *, luck: float) -> Fate:
    """`luck`, from 0 to 1, says how much of the longest delay is waited: who failed together spreads out."""
    if sent.dispatch.turn is Turn.TAKE_OUT:
        return Fate(state=MessageState.UNKNOWN if sent.dispatch.doubts else MessageState.FAILED)
    match sent.answer:
        case Accepted():
            return Fate(state=MessageState.ACCEPTED)
        case Rejected() as answer:
            return _refused(sent.dispatch, answer, now, luck)
        case Unknown(code) if sent.dispatch.claimed.channel in INSIDE:
            return _refused(sent.dispatch, Rejected(code, permanent=False), now, luck)
        case Unknown():
            return Fate(state=MessageState.UNKNOWN, again_at=_asked_again(sent.dispatch, now, luck))


def backoff(tries: int, luck: float) -> timedelta:
    return max(SHORTEST, luck * min(CAP, BASE * 2 ** (tries - 1)))


def _refused(dispatch: Call, answer: Rejected, now: datetime, luck: float) -> Fate:
    """Again later while that can help; then the next channel; then a person. What is handed back, at once.

    What shows that a provider is down is no try of the letter: its lane says how long it waits.
    """
    wait = max(backoff(dispatch.tries, luck), answer.retry_after or SHORTEST)
    again = now if answer.code == HANDED_BACK else now + wait
    untried = answer.code in NOT_TRIED
    uncounted = untried or (answer.down and dispatch.can.per_second is not None)
    may_be_tried = not answer.permanent and (dispatch.tries < MOST_TRIES or uncounted)
    if dispatch.repeats is not None and not _settles_doubts(dispatch, answer):
        mine = dispatch.can.honours_key or untried
        return Fate(state=MessageState.UNKNOWN, again_at=again if mine and may_be_tried else None)
    useful = dispatch.useful_until is None or again < dispatch.useful_until
    if useful and may_be_tried:
        return Fate(state=MessageState.WAITING, again_at=again)
    for other in dispatch.others:
        if answer.bad_address or other.channel != dispatch.claimed.channel:
            return Fate(state=MessageState.WAITING, again_at=now, channel=other.channel)
    return Fate(state=MessageState.FAILED)


def _settles_doubts(dispatch: Call, answer: Answer) -> bool:
    """Whether a refusal is one of every try: who honours the key says of all of them what it says of one."""
    if not isinstance(answer, Rejected):
        return False
    return dispatch.turn is Turn.ASK or (dispatch.can.honours_key and answer.permanent)


def _asked_again(dispatch: Call, now: datetime, luck: float) -> datetime | None:
    """When a doubt is looked at again; None when it is a person's."""
    patient_until = dispatch.begun_at + PATIENCE
    soon = now + backoff(dispatch.tries, luck)
    if dispatch.turn is Turn.ASK:
        return min(soon, patient_until) if now < patient_until else None
    if dispatch.turn is Turn.GIVE_UP:
        return None
    if dispatch.can.can_be_asked:
        return now + ASK_AFTER
    if dispatch.can.honours_key:
        return soon if dispatch.tries < MOST_TRIES else None
    return patient_until if dispatch.repeats is None else None


# ---- one transaction a slice


def settle(session: Session, slice_: Sequence[Sent[Dispatch]], now: datetime) -> None:
    """Write the outcomes of the messages that are still ours; a lost lease leaves them to its new holder.

    Items are locked before messages, as everywhere: who plans holds the items and then wants the messages.
    """
    keys = {saying.row.key for sent in slice_ for saying in sent.dispatch.sayings}
    open_ = items.locked(session, list(keys))
    settled = record(session, slice_, now)
    reach.mark_bad(session, [key for sent, _ in settled for key in _bad(sent)], now=now)
    over = [(sent, end) for sent, end in settled if end.again_at is None]
    reminders.decide(session, [d for sent, end in over for d in _decisions(sent, end)], now=now)
    work_items.raise_(session, [row for sent, end in over for row in _work(sent, end, now)], now=now)
    said = dict.fromkeys(saying.row.id for sent, _ in over for saying in sent.dispatch.sayings)
    rungs.climb(session, [open_[id_] for id_ in said if id_ in open_], now=now)


def record(
    session: Session, slice_: Sequence[Sent[Calling]], now: datetime
) -> list[tuple[Sent[Calling], Fate]]:
    """Write what became of messages of any kind and their attempts; those that were still ours."""
    fates = {sent.dispatch.claimed.id: fate(sent, now, luck=random.random()) for sent in slice_}
    ours = messages.settle(session, [_outcome(sent, fates[sent.dispatch.claimed.id], now) for sent in slice_])
    settled = [sent for sent in slice_ if sent.dispatch.claimed.id in ours]
    attempts.end(session, [ending for sent in settled for ending in _endings(sent)], now=now)
    lost = [sent for sent in slice_ if sent.dispatch.claimed.id not in ours]
    attempts.end(session, [_lost(sent) for sent in lost], now=now)
    return [(sent, fates[sent.dispatch.claimed.id]) for sent in settled]


def _outcome(sent: Sent, end: Fate, now: datetime) -> Outcome:
    waits = end.state is MessageState.WAITING
    return Outcome(
        claimed=sent.dispatch.claimed,
        state=end.state,
        accepted_at=now if end.state is MessageState.ACCEPTED else None,
        send_at=end.again_at if waits else None,
        again_at=None if waits else end.again_at,
        receipt_by=_receipt_by(sent.dispatch, end, now),
        channel=end.channel,
        subject=None if sent.text is None else sent.text.subject,
        body=None if sent.text is None else sent.text.body,
    )


def _receipt_by(dispatch: Dispatch, end: Fate, now: datetime) -> datetime | None:
    awaited = end.state is MessageState.ACCEPTED and dispatch.can.receipts
    return now + RECEIPTS_WITHIN if awaited else None


def _endings(sent: Sent) -> list[Ending]:
    dispatch, answer = sent.dispatch, sent.answer
    ending = Ending(
        clinic_id=dispatch.claimed.clinic_id,
        id=dispatch.attempt_id,
        state=ATTEMPT_STATES[type(answer)],
        code=None if isinstance(answer, Accepted) else answer.code,
        provider_id=answer.provider_id if isinstance(answer, Accepted) else None,
    )
    earlier = dispatch.doubts if _settles_doubts(dispatch, answer) else ()
    return [ending, *(replace(ending, id=id_) for id_ in earlier if id_ != ending.id)]


def _lost(sent: Sent) -> Ending:
    """Another has the message now, and decides by its own attempt what became of it."""
    key = sent.dispatch.claimed.clinic_id, sent.dispatch.attempt_id
    return Ending(clinic_id=key[0], id=key[1], state=AttemptState.UNKNOWN, code=attempts.LEASE_LOST)


def _bad(sent: Sent[Dispatch]) -> list[tuple[UUID, UUID]]:
    answer, contact = sent.answer, sent.dispatch.contact
    bad = isinstance(answer, Rejected) and answer.bad_address and contact is not None
    return [(contact.clinic_id, contact.id)] if bad and contact is not None else []


def _decisions(sent: Sent[Dispatch], end: Fate) -> list[Decision]:
    state = ReminderState.SENT if end.state is MessageState.ACCEPTED else ReminderState.SUPPRESSED
    clinic_id, reason = sent.dispatch.claimed.clinic_id, REASONS[end.state]
    return [Decision(clinic_id=clinic_id, id=s.id, state=state, reason=reason) for s in sent.dispatch.sayings]


def _work(sent: Sent[Dispatch], end: Fate, now: datetime) -> list[dict[str, Any]]:
    """What a person must do now: what the rungs of staff open, or what became of a message that failed."""
    if end.state is not MessageState.ACCEPTED:
        first = sent.dispatch.sayings[0]
        return [_work_item(first, now, kind=WORK[end.state], level="24h", role="coordinator")]
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
