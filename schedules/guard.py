"""The guard: whether a reminder may go out now, and why (scheduling rules §9)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from schedules.ladder import Hours

CANNOT_BE_CALLED = "clinic cannot be called"


class Verdict(StrEnum):
    SEND = "send"
    WAIT = "wait"
    WITHDRAW = "withdraw"
    SUPPRESS = "suppress"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What the guard looks at, at the moment of claiming, in the claim's own transaction."""

    now: datetime
    people: bool  # a message to a patient or carer, not to staff
    closed: bool = False
    older_version: bool = False
    gone: str | None = None  # died, left, moved-away
    reachable: bool = True  # a consented contact on the channel
    callable: bool = True  # the clinic has a phone and an emergency number to give
    held: bool = False
    paused: str | None = None  # who or what paused sending
    paused_until: datetime | None = None
    said_done_until: datetime | None = None  # the patient said that it was done: rest until then
    expires_at: datetime | None = None
    hours: Hours
    answers_patient: bool = False  # a direct answer to what the patient sent in the last quarter of an hour


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The guard's answer, its reason, every rule it looked at, and the first moment to look again."""

    verdict: Verdict
    reason: str
    looked_at: tuple[str, ...]
    again_at: datetime | None = None


def decide(seen: Situation) -> Decision:
    """Whether a reminder may go out now, and why: also the answer to "why did she (not) get it?"."""
    for number, (_, check) in enumerate(RULES, start=1):
        decision = check(seen)
        if decision is not None:
            return replace(decision, looked_at=NAMES[:number])
    return SENT


def _but(verdict: Verdict, reason: str, again_at: datetime | None = None) -> Decision:
    return Decision(verdict=verdict, reason=reason, looked_at=(), again_at=again_at)


def _gone(seen: Situation) -> Decision | None:
    return _but(Verdict.WITHDRAW, seen.gone) if seen.gone is not None else None


def _open(seen: Situation) -> Decision | None:
    return _but(Verdict.WITHDRAW, "closed") if seen.closed else None


def _current(seen: Situation) -> Decision | None:
    return _but(Verdict.WITHDRAW, "older version") if seen.older_version else None


def _useful(seen: Situation) -> Decision | None:
    late = seen.expires_at is not None and seen.now >= seen.expires_at
    return _but(Verdict.EXPIRE, "it can no longer help") if late else None


def _reachable(seen: Situation) -> Decision | None:
    missing = seen.people and not seen.reachable
    return _but(Verdict.SUPPRESS, "no reachable contact with consent") if missing else None


def _callable(seen: Situation) -> Decision | None:
    """Looked at again at the next sending time: a message that says whom to call can wait for the number."""
    if seen.callable or not seen.people:
        return None
    again_at = seen.hours.next_from(seen.now + timedelta(microseconds=1))
    return _but(Verdict.WAIT, CANNOT_BE_CALLED, again_at)


def _unheld(seen: Situation) -> Decision | None:
    return _but(Verdict.WAIT, "on hold") if seen.held else None


def _unpaused(seen: Situation) -> Decision | None:
    over = seen.paused_until is not None and seen.now >= seen.paused_until
    return (
        _but(Verdict.WAIT, seen.paused, seen.paused_until) if seen.paused is not None and not over else None
    )


def _waited_for(seen: Situation) -> Decision | None:
    """Who said that it was done is left in peace while the result is fetched."""
    until = seen.said_done_until
    rests = until is not None and seen.now < until
    return _but(Verdict.WAIT, "the patient said that it was done", until) if rests else None


def _awake(seen: Situation) -> Decision | None:
    allowed = seen.hours.allowed_from(seen.now)
    quiet = seen.people and not seen.answers_patient and allowed > seen.now
    return _but(Verdict.WAIT, "quiet hours", allowed) if quiet else None


RULES = (
    ("alive and here", _gone),
    ("item open", _open),
    ("newest version", _current),
    ("not held", _unheld),
    ("not paused", _unpaused),
    ("not said to be done", _waited_for),
    ("still useful", _useful),
    ("reachable with consent", _reachable),
    ("clinic can be called", _callable),
    ("not in quiet hours", _awake),
)
NAMES = tuple(name for name, _ in RULES)
SENT = Decision(verdict=Verdict.SEND, reason="sent", looked_at=NAMES)
