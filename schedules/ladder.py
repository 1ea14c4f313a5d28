"""Ladders: which reminders an item gets, when, and whether one may go out now (scheduling rules §9)."""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cache
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schedules import days, library
from schedules.days import Duration, QuietHours
from schedules.facts import Item
from schedules.fields import Id, Level

Track = Literal["patient", "carer", "coordinator", "prescriber"]
PEOPLE = frozenset({"patient", "carer"})  # whose messages keep quiet hours
STAFF_TIME = time(9)
RESTS_AFTER_DONE = timedelta(hours=72)  # the patient's rungs, once a patient said that it was done
CANNOT_BE_CALLED = "clinic cannot be called"
DUE_BY: Mapping[Level, timedelta] = {  # a product choice
    "routine": timedelta(days=5),
    "24h": timedelta(hours=24),
    "same-day": timedelta(hours=4),
    "emergency": timedelta(0),
}


def _signed(text: object) -> object:
    """`P7D` or `-P1D` as days."""
    if not isinstance(text, str):
        return text
    count = Duration.parse(text.removeprefix("-")).approximate_days
    return -count if text.startswith("-") else count


Shift = Annotated[int, BeforeValidator(_signed)]


class Rung(BaseModel):
    """One step of a ladder: a day, and a message or a work item."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    track: Track
    name: Id
    at: Literal["opens", "due", "overdue", "lapses", "appointment"]
    shift: Shift = 0
    repeat: Annotated[int, BeforeValidator(_signed), Field(gt=0)] | None = None
    effect: Literal["message", "work-item"]
    kind: Id | None = None
    level: Level | None = None
    role: Literal["coordinator", "prescriber", "clinician"] | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        parts = [self.kind, self.level, self.role]
        if (self.effect == "work-item") != all(parts) or (self.effect == "message" and any(parts)):
            raise ValueError("a work item has a kind, a level and a role; a message has none of them")
        return self

    def day(self, item: Item) -> date:
        """The rung's own local day."""
        return days.shift(self._moment(item), self.shift)

    def _moment(self, item: Item) -> date:
        match self.at:
            case "opens":
                return item.opens_on
            case "due":
                return item.due_on
            case "overdue":
                return days.shift(item.last_on_time, 1)
            case "lapses":
                return item.lapses_on
            case _:
                return item.appointment.date() if item.appointment is not None else item.due_on


class Ladder(BaseModel):
    """The rungs of every track."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Id
    rungs: tuple[Rung, ...] = Field(min_length=1)

    @property
    def tracks(self) -> tuple[Track, ...]:
        return tuple(dict.fromkeys(rung.track for rung in self.rungs))


@cache
def ladders() -> Mapping[str, Ladder]:
    """The packaged ladders by id."""
    return {name: Ladder.model_validate(document) for name, document in library.ladder_documents().items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """When a track's rungs go out: a preferred local time in a zone, and the hours kept quiet."""

    zone: ZoneInfo
    at: time = days.DEFAULT_TIME
    quiet: QuietHours | None = days.DEFAULT_QUIET_HOURS

    def __post_init__(self) -> None:
        if self.quiet is not None and self.quiet.contain(self.at):
            raise ValueError("the preferred time is inside the quiet hours")

    def of(self, day: date) -> datetime:
        return days.sending_time(day, self.at, self.zone, self.quiet)

    def next_from(self, moment: datetime) -> datetime:
        """The first sending time at or after that moment."""
        day = days.shift(days.local_day(moment, self.zone), -2)
        return next(sent for n in itertools.count() if (sent := self.of(days.shift(day, n))) >= moment)

    def allowed_from(self, moment: datetime) -> datetime:
        return days.out_of_quiet(moment, self.zone, self.quiet)


def quarter(moment: datetime) -> datetime:
    """The beginning of the moment's quarter of an hour of UTC: what falls in one shares a message."""
    return moment.replace(minute=moment.minute // 15 * 15, second=0, microsecond=0)


def staff_hours(zone: ZoneInfo) -> Hours:
    return Hours(zone=zone, at=STAFF_TIME, quiet=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of one item and version: `position` only goes up along its track."""

    rung: Rung
    name: str  # with /2, /3 … from the first repeat on
    position: int
    day: date
    own: datetime  # its day's sending time
    planned: datetime  # its own, or the first sending time after the version began or a hold ended


def steps(item: Item, track: Track, *, hours: Hours, begins: datetime, after: int = 0) -> Iterator[Step]:
    """The rungs of an item's track beyond `after` by their moments, endless where the last one repeats.

    `begins` is when the version began, or a later hold ended: what had passed goes at the next sending time.
    """
    rungs = _rungs(item.ladder, track)
    merged = heapq.merge(*(_days_of(rung, item, number) for number, rung in rungs.items()))
    for position, (day, number, count) in itertools.islice(enumerate(merged, start=1), after, None):
        own, rung = hours.of(day), rungs[number]
        yield Step(
            rung=rung,
            name=rung.name if count == 1 else f"{rung.name}/{count}",
            position=position,
            day=day,
            own=own,
            planned=own if own >= begins else hours.next_from(begins),
        )


@cache
def _rungs(ladder: str, track: Track) -> Mapping[int, Rung]:
    return {number: rung for number, rung in enumerate(ladders()[ladder].rungs) if _is_on(rung, track)}


def _is_on(rung: Rung, track: Track) -> bool:
    """A carer's copies follow the patient's."""
    return rung.track == ("patient" if track == "carer" else track)


def _days_of(rung: Rung, item: Item, number: int) -> Iterator[tuple[date, int, int]]:
    day, count = rung.day(item), 1
    yield day, number, count
    while rung.repeat is not None and day < date.max - timedelta(days=rung.repeat):
        day, count = days.shift(day, rung.repeat), count + 1
        yield day, number, count


def next_rung(item: Item, track: Track, *, hours: Hours, begins: datetime, after: int = 0) -> Step | None:
    """The rung that waits once position `after` is done; None at the end of the track."""
    return next(steps(item, track, hours=hours, begins=begins, after=after), None)


def passed(found: Iterable[Step], now: datetime, *, after: int = 0) -> list[Step]:
    """The rungs beyond `after` whose time has come: the last is done, those before it are superseded."""
    coming = itertools.dropwhile(lambda step: step.position <= after, found)
    return list(itertools.takewhile(lambda step: step.planned <= now, coming))


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


def guard(seen: Situation) -> Decision:
    """Whether a reminder may go out now, and why: also the answer to "why did she (not) get it?"."""
    looked: list[str] = []
    for rule, check in RULES:
        looked.append(rule)
        decision = check(seen)
        if decision is not None:
            return replace(decision, looked_at=tuple(looked))
    return Decision(verdict=Verdict.SEND, reason="sent", looked_at=tuple(looked))


def _decide(verdict: Verdict, reason: str, again_at: datetime | None = None) -> Decision:
    return Decision(verdict=verdict, reason=reason, looked_at=(), again_at=again_at)


def _gone(seen: Situation) -> Decision | None:
    return _decide(Verdict.WITHDRAW, seen.gone) if seen.gone is not None else None


def _open(seen: Situation) -> Decision | None:
    return _decide(Verdict.WITHDRAW, "closed") if seen.closed else None


def _current(seen: Situation) -> Decision | None:
    return _decide(Verdict.WITHDRAW, "older version") if seen.older_version else None


def _useful(seen: Situation) -> Decision | None:
    late = seen.expires_at is not None and seen.now >= seen.expires_at
    return _decide(Verdict.EXPIRE, "it can no longer help") if late else None


def _reachable(seen: Situation) -> Decision | None:
    missing = seen.people and not seen.reachable
    return _decide(Verdict.SUPPRESS, "no reachable contact with consent") if missing else None


def _callable(seen: Situation) -> Decision | None:
    """Looked at again at the next sending time: a message that says whom to call can wait for the number."""
    if seen.callable or not seen.people:
        return None
    again_at = seen.hours.next_from(seen.now + timedelta(microseconds=1))
    return _decide(Verdict.WAIT, CANNOT_BE_CALLED, again_at)


def _unheld(seen: Situation) -> Decision | None:
    return _decide(Verdict.WAIT, "on hold") if seen.held else None


def _unpaused(seen: Situation) -> Decision | None:
    over = seen.paused_until is not None and seen.now >= seen.paused_until
    return (
        _decide(Verdict.WAIT, seen.paused, seen.paused_until)
        if seen.paused is not None and not over
        else None
    )


def _waited_for(seen: Situation) -> Decision | None:
    """Who said that it was done is left in peace while the result is fetched."""
    until = seen.said_done_until
    rests = until is not None and seen.now < until
    return _decide(Verdict.WAIT, "the patient said that it was done", until) if rests else None


def _awake(seen: Situation) -> Decision | None:
    allowed = seen.hours.allowed_from(seen.now)
    quiet = seen.people and not seen.answers_patient and allowed > seen.now
    return _decide(Verdict.WAIT, "quiet hours", allowed) if quiet else None


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
