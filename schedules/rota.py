"""A clinic's rota: who answers for what is red at which local hour, and how far an alarm has gone up it."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal, TypeAlias, get_args
from zoneinfo import ZoneInfo

from schedules import days

Rung = Literal["first", "second", "third", "line"]  # the last is the clinic's line
RUNGS: tuple[Rung, ...] = get_args(Rung)
EVERY_DAY = (1, 2, 3, 4, 5, 6, 7)  # as ISO numbers them
Span: TypeAlias = tuple[datetime, datetime]
STEP = timedelta(minutes=10)  # from a rung to the next one
AGAIN = timedelta(minutes=30)  # from then on everybody on the rota is told so often
CLAIMED = timedelta(minutes=60)  # for so long a claim keeps what is red from going up


@dataclass(frozen=True, slots=True)
class Shift:
    """One rung's hours on each of these weekdays: over midnight, or the whole day, when begins >= ends."""

    rung: Rung
    begins: time = time(0)
    ends: time = time(0)
    weekdays: tuple[int, ...] = EVERY_DAY


@dataclass(frozen=True, slots=True)
class Gap:
    """A rung that nobody stands on in [begins, ends)."""

    rung: Rung
    begins: datetime
    ends: datetime


def spans(
    shift: Shift, zone: ZoneInfo, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """The shift's hours that touch [begin, end), as moments."""
    day, last = days.shift(days.local_day(begin, zone), -1), days.local_day(end, zone)
    while day <= last:
        over = day if shift.begins < shift.ends else days.shift(day, 1)
        hours = days.instant(day, shift.begins, zone), days.instant(over, shift.ends, zone)
        if day.isoweekday() in shift.weekdays and hours[0] < end and begin < hours[1]:
            yield hours
        day = days.shift(day, 1)


def is_on(shift: Shift, zone: ZoneInfo, now: datetime) -> bool:
    return any(spans(shift, zone, now, now + timedelta.resolution))


def gaps(shifts: Collection[Shift], zone: ZoneInfo, begin: datetime, end: datetime) -> list[Gap]:
    """Where in [begin, end) a rung is empty, rung by rung."""
    found: list[Gap] = []
    for rung in RUNGS:
        covered = begin
        for begins, ends in sorted(
            span for shift in shifts if shift.rung == rung for span in spans(shift, zone, begin, end)
        ):
            if covered < begins:
                found.append(Gap(rung, covered, begins))
            covered = max(covered, ends)
        if covered < end:
            found.append(Gap(rung, covered, end))
    return found


def climb(manned: Collection[Rung], since: datetime) -> Sequence[tuple[Rung, datetime]]:
    """When what nobody has taken since then reaches each rung: an empty one is passed at once."""
    moments, at = [], since
    for rung in RUNGS:
        moments.append((rung, at))
        at += STEP if rung in manned else timedelta(0)
    return moments


def loud(reached: datetime, now: datetime) -> datetime:
    """The latest moment at which what is at the last rung since `reached` is told to everybody."""
    return reached + (now - reached) // AGAIN * AGAIN
