"""Durations, calendar arithmetic, and a local day and time as an instant.

Clinical dates are calendar dates in the patient's zone and never instants; only a sending time is an instant.
"""

import calendar
import re
import zoneinfo
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

# The tzdata package decides, not the machine's files: system copies are often years old.
zoneinfo.reset_tzpath(())
ZoneInfo.clear_cache()

APPROXIMATE_DAYS = {"D": 1, "W": 7, "M": 30, "Y": 365}
LONGEST = {"D": 36600, "W": 5200, "M": 1200, "Y": 100}
DURATION = re.compile(r"P(\d{1,5})([DWMY])", re.ASCII)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO 8601 duration with one unit. Twelve weeks stay `P12W`: a source's own word is kept."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: object) -> "Duration":
        """Read `P10D`, `P2W`, `P3M` or `P1Y`; ValueError says what is wrong."""
        if isinstance(text, Duration):
            return text
        match = DURATION.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise ValueError("write a duration as P10D, P2W, P3M or P1Y")
        count, unit = int(match[1]), match[2]
        if count > LONGEST[unit]:
            raise ValueError("a duration is at most 100 years")
        return cls(count, unit)

    @property
    def approximate_days(self) -> int:
        """Days, a month counted as 30 and a year as 365: for windows, never for a date."""
        return self.count * APPROXIMATE_DAYS[self.unit]

    def __str__(self) -> str:
        return f"P{self.count}{self.unit}"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            cls.parse,
            serialization=core_schema.plain_serializer_function_ser_schema(str),
            json_schema_input_schema=core_schema.str_schema(pattern=r"^P\d{1,5}[DWMY]$"),
        )


def days(count: int) -> Duration:
    return Duration(count, "D")


def add(day: date, duration: Duration, times: int = 1) -> date:
    """`day` + `times` × `duration`. Months and years clamp to the month's last day, counted from `day`.

    A day beyond the calendar's end (year 9999) is the calendar's last day.
    """
    count = duration.count * times
    if duration.unit in "DW":
        return shift(day, count * APPROXIMATE_DAYS[duration.unit])
    months = day.year * 12 + day.month - 1 + count * (12 if duration.unit == "Y" else 1)
    year, month = divmod(months, 12)
    if not date.min.year <= year <= date.max.year:
        return date.max if count > 0 else date.min
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def subtract(day: date, duration: Duration) -> date:
    return add(day, duration, -1)


def shift(day: date, count: int) -> date:
    """`day` + `count` days, held inside the calendar."""
    try:
        return day + timedelta(days=count)
    except OverflowError:
        return date.max if count > 0 else date.min


@cache
def zone_names() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


@cache
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name from the tzdata package; ValueError when there is none."""
    if name not in zone_names():
        raise ValueError("there is no such IANA time zone")
    return ZoneInfo(name)


def instant(day: date, at: time, where: ZoneInfo) -> datetime:
    """The one UTC instant of a local day and time.

    A time that does not exist moves forward by the gap; when that changes the day, it is the last whole
    minute that exists on the day. A time that happens twice is the first.
    """
    wanted = datetime.combine(day, at)
    moment = _first(wanted, where)
    local = moment.astimezone(where).replace(tzinfo=None)
    if local.date() == day:
        return moment
    for earlier in _minutes_before(wanted):
        candidate = _first(earlier, where)
        if candidate.astimezone(where).replace(tzinfo=None) == earlier:
            return candidate
    return moment  # the zone skipped the whole day


def _first(wanted: datetime, where: ZoneInfo) -> datetime:
    try:
        return wanted.replace(tzinfo=where, fold=0).astimezone(UTC)
    except OverflowError:  # the calendar's very edge, where a zone's offset leads out of it
        return wanted.replace(tzinfo=UTC)


def _minutes_before(wanted: datetime) -> Iterator[datetime]:
    minute = wanted.replace(second=0, microsecond=0)
    while minute.time() > time(0):
        minute -= MINUTE
        yield minute


@dataclass(frozen=True, slots=True)
class QuietHours:
    """When no message goes to a patient or carer: local [start, end), over midnight when start > end."""

    start: time
    end: time

    def __post_init__(self) -> None:
        if self.start == self.end:
            raise ValueError("quiet hours cannot start when they end: write null for none")

    def contain(self, at: time) -> bool:
        if self.start < self.end:
            return self.start <= at < self.end
        return at >= self.start or at < self.end

    def end_after(self, local: datetime) -> datetime:
        """The local moment at which the quiet hours around `local` end."""
        later = self.start > self.end and local.time() >= self.start
        return datetime.combine(local.date() + (DAY if later else timedelta()), self.end)


DEFAULT_QUIET_HOURS = QuietHours(time(21), time(8))
DEFAULT_TIME = time(9)


def out_of_quiet(moment: datetime, where: ZoneInfo, quiet: QuietHours | None) -> datetime:
    """`moment`, or the end of the quiet hours it falls in."""
    local = moment.astimezone(where).replace(tzinfo=None)
    if quiet is None or not quiet.contain(local.time()):
        return moment
    end = quiet.end_after(local)
    # an end inside a gap moves forward, over midnight too: never back into the quiet
    first = _first(end, where)
    return first if first >= moment else end.replace(tzinfo=where, fold=1).astimezone(UTC)


@lru_cache(maxsize=65536)
def sending_time(day: date, at: time, where: ZoneInfo, quiet: QuietHours | None) -> datetime:
    """When a rung of that local day goes out: the preferred time, moved out of the quiet hours."""
    return out_of_quiet(instant(day, at, where), where, quiet)


def local_day(moment: datetime, where: ZoneInfo) -> date:
    return moment.astimezone(where).date()
