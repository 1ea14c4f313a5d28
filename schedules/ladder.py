"""Ladders: which reminders an item gets, and when (scheduling rules §9)."""

import heapq
import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Annotated, Literal, NamedTuple, Self, TypeAlias
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from schedules import closed_days, days, library
from schedules.closed_days import ClosedDays
from schedules.days import Duration, QuietHours
from schedules.facts import Item
from schedules.fields import Id, Level

Track = Literal["patient", "carer", "coordinator", "prescriber"]
PEOPLE = frozenset({"patient", "carer"})  # whose messages keep quiet hours
STAFF_TIME = time(9)
KEPT = 16  # days of a track that are kept at least: then twice as many, and so on
Due: TypeAlias = tuple[date, int, int]  # a rung's day, its number, and how often it has come
RESTS_AFTER_DONE = timedelta(hours=72)  # the patient's rungs, once a patient said that it was done
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


class Anchors(NamedTuple):
    """The days of an item that its rungs are counted from."""

    opens_on: date
    due_on: date
    last_on_time: date
    lapses_on: date
    appointment: datetime | None

    @classmethod
    def of(cls, item: Item) -> Self:
        return cls(item.opens_on, item.due_on, item.last_on_time, item.lapses_on, item.appointment)


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

    def day(self, item: Item | Anchors) -> date:
        """The rung's own local day."""
        return days.shift(self._moment(item), self.shift)

    def _moment(self, item: Item | Anchors) -> date:
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
    """When a track's rungs go out: a local time in a zone, the quiet hours, the closed days."""

    zone: ZoneInfo
    at: time = days.DEFAULT_TIME
    quiet: QuietHours | None = days.DEFAULT_QUIET_HOURS
    closed: ClosedDays = closed_days.NEVER

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
    rungs, whose = _rungs(item.ladder, track), (item.ladder, track, Anchors.of(item))
    lead = closed_days.lead(hours.closed, item)
    for position, (planned_on, number, count) in enumerate(_days_beyond(after, *whose), start=after + 1):
        rung = rungs[number]
        day = _earlier(rung, planned_on, lead, item) if lead else planned_on
        own = hours.of(day)
        yield Step(
            rung=rung,
            name=rung.name if count == 1 else f"{rung.name}/{count}",
            position=position,
            day=day,
            own=own,
            planned=own if own >= begins else hours.next_from(begins),
        )


def _earlier(rung: Rung, day: date, lead: timedelta, item: Item) -> date:
    """Of a rung up to the due day, and not before the window opens: so the rungs keep their order."""
    return max(day - lead, min(day, item.opens_on)) if rung.at == "due" and rung.shift <= 0 else day


def _days_beyond(after: int, ladder: str, track: Track, anchors: Anchors) -> Iterator[Due]:
    size = KEPT
    while True:
        while size <= after:
            size *= 2
        kept = _first_days(ladder, track, anchors, size)
        if after >= len(kept):
            return
        yield kept[after]
        after += 1


@lru_cache(maxsize=4096)
def _first_days(ladder: str, track: Track, anchors: Anchors, count: int) -> tuple[Due, ...]:
    """Kept, for many items have the same days, and each is asked several times."""
    return tuple(itertools.islice(_days(ladder, track, anchors), count))


def _days(ladder: str, track: Track, anchors: Anchors) -> Iterator[Due]:
    return heapq.merge(*(_days_of(rung, anchors, number) for number, rung in _rungs(ladder, track).items()))


@cache
def _rungs(ladder: str, track: Track) -> Mapping[int, Rung]:
    return {number: rung for number, rung in enumerate(ladders()[ladder].rungs) if _is_on(rung, track)}


def _is_on(rung: Rung, track: Track) -> bool:
    """A carer's copies follow the patient's."""
    return rung.track == ("patient" if track == "carer" else track)


def _days_of(rung: Rung, anchors: Anchors, number: int) -> Iterator[Due]:
    day, count = rung.day(anchors), 1
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
