"""`simulate`: the planner and the reminder rules against a clock wound forward (scheduling rules §11).

The body and the answer are what other programs rely on. No database, no network.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from schedules import analytes, days, library
from schedules.book import Book
from schedules.days import Duration, QuietHours
from schedules.facts import EventType
from schedules.fields import Flag, Id, Length
from schedules.ladder import Hours, staff_hours
from schedules.protocol import Protocol, ProtocolError, build
from schedules.world import World

LONGEST_DAYS = 366 * 20
INSIDE = re.compile(r"[\[\]()]|^(date|tuple|literal|function-.*)$")  # of pydantic's own words for a place
SENTENCES = {
    "missing": "is missing",
    "extra_forbidden": "there is no such key",
    "model_type": "write an object",
    "model_attributes_type": "write an object",
    "dict_type": "write an object",
    "tuple_type": "write a list",
    "list_type": "write a list",
    "string_type": "write a text",
    "too_short": "the list is too short",
    "too_long": "the list is too long",
}
EVENT_TYPES = frozenset(
    {
        EventType.DOSE_INCREASE,
        EventType.DOSE_DECREASE,
        EventType.BRAND_CHANGE,
        EventType.MAINTENANCE_DOSE,
        EventType.HOLD,
        EventType.RESUME,
        EventType.STOP,
        EventType.OVERRIDE,
        EventType.DIED,
        EventType.LEFT,
        EventType.MOVED_AWAY,
    }
)


class SimulateError(ValueError):
    """A body that cannot be simulated: `key` names the place, the text says what is wrong."""

    def __init__(self, key: str, reason: str) -> None:
        self.key, self.reason = key, reason
        super().__init__(f"{key}: {reason}" if key else reason)


def _local_time(text: object) -> time:
    try:
        found = time.fromisoformat(text) if isinstance(text, str) and len(text) == 5 else None
    except ValueError:
        found = None
    if found is None:
        raise ValueError("write a local time as 09:00")
    return found


def _day(text: object) -> date:
    try:
        found = date.fromisoformat(text) if isinstance(text, str) and len(text) == 10 else None
    except ValueError:
        found = None
    if found is None or not 1900 <= found.year <= 2200:
        raise ValueError("write a day as 2026-01-05, between 1900 and 2200")
    return found


def _moment(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1900 <= found.year <= 2200:
        raise ValueError("write a moment with its offset, as 2026-03-06T22:00:00Z")
    return found


def _zone(text: object) -> str:
    if not isinstance(text, str):
        raise ValueError("name an IANA time zone, as America/New_York")
    days.zone(text)
    return text


def _quiet(value: object) -> QuietHours | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError('write quiet hours as ["21:00", "08:00"], or null for none')
    return QuietHours(_local_time(value[0]), _local_time(value[1]))


def _protocol(value: object) -> Protocol:
    if isinstance(value, str):
        return library.protocol(value)
    if not isinstance(value, Mapping):
        raise ValueError("name a packaged protocol, or write one as an object")
    return build(value)


def _tests(value: object) -> object:
    if isinstance(value, list):
        return tuple(_day(day) for day in value)
    if value in ("on-due", "never"):
        return value
    raise ValueError('write "on-due", "never", or a list of days')


def _values(value: object) -> dict[str, Decimal]:
    if not isinstance(value, Mapping) or not value:
        raise ValueError('write values as {"wbc": 3.1}')
    for name in value:
        if name not in analytes.analytes():
            raise ValueError(f"there is no analyte {name!r:.80} in the library")
    return {name: _figure(name, number) for name, number in value.items()}


def _figure(name: str, number: object) -> Decimal:
    if isinstance(number, bool) or not isinstance(number, int | float) or not abs(number) < 10**9:
        raise ValueError(f"the value of {name} is not a number")
    return Decimal(str(number))


Day = Annotated[date, BeforeValidator(_day)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Zone = Annotated[str, BeforeValidator(_zone)]
LocalTime = Annotated[time, BeforeValidator(_local_time)]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True, allow_inf_nan=False)


class PatientIn(Body):
    time_zone: Zone
    preferred_time: LocalTime = days.DEFAULT_TIME
    quiet_hours: Annotated[QuietHours | None, BeforeValidator(_quiet)] = days.DEFAULT_QUIET_HOURS


class ClinicIn(Body):
    time_zone: Zone


class EventIn(Body):
    on: Day
    type: EventType
    reason: str | None = Field(default=None, max_length=500)
    review_on: Day | None = None
    clock: Id | None = None
    every: Annotated[Length | None, BeforeValidator(lambda v: None if v is None else Duration.parse(v))] = (
        None
    )
    due_on: Day | None = None
    decided_by: str | None = Field(default=None, max_length=200)


class CourseIn(Body):
    protocol: Annotated[Protocol, BeforeValidator(_protocol)]
    start: Day
    enrolled: Day | None = None
    indication: Id | None = None
    flags: tuple[Flag, ...] = Field(default=(), max_length=20)
    events: tuple[EventIn, ...] = Field(default=(), max_length=1000)


class ResultIn(Body):
    on: Day
    values: Annotated[dict[str, Decimal], BeforeValidator(_values)]


class MoveIn(Body):
    on: Day
    type: Literal["move"]
    time_zone: Zone


class BodyIn(Body):
    """The body of a simulation."""

    until: Day
    patient: PatientIn
    clinic: ClinicIn | None = None
    courses: tuple[CourseIn, ...] = Field(min_length=1, max_length=10)
    results: tuple[ResultIn, ...] = Field(default=(), max_length=5000)
    tests: Annotated[object, BeforeValidator(_tests)] = "never"  # or the days, as a tuple
    outages: tuple[tuple[Moment, Moment], ...] = Field(default=(), max_length=500)
    events: tuple[MoveIn, ...] = Field(default=(), max_length=100)


def run(document: object) -> dict[str, Any]:
    """The answer to a body; SimulateError names the key and what is wrong."""
    body = _read(document)
    _check(body)
    clinic = days.zone((body.clinic or body.patient).time_zone)
    book = Book(patient=_hours(body), staff=staff_hours(clinic), outages=body.outages)
    return World(body, book=book, refuse=SimulateError).run()


def _read(document: object) -> BodyIn:
    try:
        return BodyIn.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        cause = found.get("ctx", {}).get("error")
        key = ".".join(str(part) for part in found["loc"] if not INSIDE.search(str(part)))
        if isinstance(cause, ProtocolError):
            raise SimulateError(".".join(p for p in (key, cause.key) if p), cause.reason) from None
        raise SimulateError(key, _sentence(found["type"], found["msg"])) from None


def _sentence(kind: str, message: str) -> str:
    return SENTENCES.get(kind, " ".join(message.removeprefix("Value error, ").split())[:300])


def _check(body: BodyIn) -> None:
    starts = [course.start for course in body.courses]
    if body.until < min(starts):
        raise SimulateError("until", "it is before the first course's start")
    if (body.until - min(starts)).days > LONGEST_DAYS:
        raise SimulateError("until", "it is more than 20 years after the first course's start")
    if any(a >= b for a, b in body.outages):
        raise SimulateError("outages", "an outage ends after it begins")
    for i, course in enumerate(body.courses):
        if course.enrolled is not None and course.enrolled < course.start:
            raise SimulateError(f"courses.{i}.enrolled", "it is before the course's start")
        for j, event in enumerate(course.events):
            if event.type not in EVENT_TYPES:
                raise SimulateError(f"courses.{i}.events.{j}.type", "this event cannot be simulated")
            if event.on < course.start:
                raise SimulateError(f"courses.{i}.events.{j}.on", "it is before the course's start")
    for k, result in enumerate(body.results):
        if (min(starts) - result.on).days > LONGEST_DAYS:
            raise SimulateError(f"results.{k}.on", "it is more than 20 years before the first course's start")


def _hours(body: BodyIn) -> Hours:
    patient = body.patient
    try:
        return Hours(zone=days.zone(patient.time_zone), at=patient.preferred_time, quiet=patient.quiet_hours)
    except ValueError as error:
        raise SimulateError("patient.preferred_time", str(error)) from None
