"""The words of a plan: what is known of a course (Course, Event, Draw), what follows (Item, Need, Plan)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

from schedules.days import Duration
from schedules.protocol import Kind, Level, Protocol


class EventType(StrEnum):
    DOSE_INCREASE = "dose-increase"
    DOSE_DECREASE = "dose-decrease"
    BRAND_CHANGE = "brand-change"
    MAINTENANCE_DOSE = "maintenance-dose"
    HOLD = "hold"
    RESUME = "resume"
    STOP = "stop"
    OVERRIDE = "override"
    DIED = "died"
    LEFT = "left"
    MOVED_AWAY = "moved-away"
    # what answers a clock that is not a test
    ATTENDED = "attended"
    ADMINISTERED = "administered"
    ANSWERED = "answered"
    # appointments of a visit clock
    BOOKED = "booked"
    NOT_ATTENDED = "not-attended"
    CANCELLED = "cancelled"
    # a named human decides instead of a test
    WAIVED = "waived"
    ATTESTED = "attested"


class Class(StrEnum):
    """How an item ended."""

    ON_TIME = "on-time"
    LATE = "late"
    MISSED = "missed"
    COVERED = "covered"
    HELD = "held"
    WAIVED = "waived"
    ATTESTED = "attested"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"
    NOT_MONITORED_HERE = "not-monitored-here"


class State(StrEnum):
    UPCOMING = "upcoming"
    DUE = "due"
    OVERDUE = "overdue"
    LAPSED = "lapsed"
    HELD = "held"
    CLOSED = "closed"


class Status(StrEnum):
    """What a prescriber asks before a repeat is issued: the worst of a course's test clocks."""

    IN_DATE = "in-date"
    DUE = "due"
    OVERDUE = "overdue"
    LAPSED = "lapsed"
    HELD = "held"
    ENDED = "ended"


STEP_UP = "step-up"
AFTER_STOP = "after-stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """What a course stood under up to the day before `until`."""

    protocol: Protocol
    flags: frozenset[str]
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """One patient on one medicine under one protocol version."""

    protocol: Protocol
    start: date
    indication: str | None = None
    flags: frozenset[str] = frozenset()
    enrolled: date | None = None  # the first day we are responsible for, when it is after the start
    monitored_since: date | None = None  # handed over on `enrolled`: the first day that anybody was
    earlier: tuple[Former, ...] = ()  # in order: versions and flags before those that it has now


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened to a course on a day, and the moment when it became known (None: always)."""

    on: date
    type: EventType
    recorded_at: datetime | None = None
    clock: str | None = None  # None: every clock it can concern
    reason: str | None = None
    review_on: date | None = None
    every: Duration | None = None
    due_on: date | None = None
    decided_by: str | None = None
    at: datetime | None = None  # local, without a zone: a booked appointment
    ref: str | None = None  # the fact's own id


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The usable values collected from a patient on one day: final or corrected, in the analyte's own unit.

    `values` may lack a component that was resulted without needing a figure here. `clock` is given only when
    the draw was made for one clock alone.
    """

    on: date
    components: frozenset[str]
    values: Mapping[str, Decimal] = field(default_factory=lambda: MappingProxyType({}))
    recorded_at: datetime | None = None
    clock: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One occurrence of a clock: what the patient must do, by which day. Known by course, clock, ordinal."""

    clock: str
    kind: Kind
    ordinal: int
    phase: int | str
    base: date
    due_on: date
    opens_on: date
    last_on_time: date
    lapses_on: date
    ladder: str
    why: str
    class_: Class | None = None
    collected_on: date | None = None
    closed_on: date | None = (
        None  # the effective day of what closed it; a last component can come after the first
    )
    missing: tuple[str, ...] = ()
    held: bool = False  # open, and its clock is paused on the day asked for
    appointment: datetime | None = None

    def state(self, today: date) -> State:
        """The item's state on a day for which the plan was made."""
        if self.class_ is not None:
            return State.CLOSED
        if self.held:
            return State.HELD
        if today >= self.lapses_on:
            return State.LAPSED
        if today > self.last_on_time:
            return State.OVERDUE
        return State.DUE if today >= self.opens_on else State.UPCOMING


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What the plan asks of a human from a day on, until `met_on`. Identity: (course, clock, kind, on)."""

    kind: str
    level: Level
    role: str
    on: date
    clock: str | None = None
    ordinal: int | None = None
    met_on: date | None = None
    repeats_weekly: bool = False
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The answer of `plan()`: every item past and open, what it asks of people, the prescribing status."""

    items: tuple[Item, ...]
    needs: tuple[Need, ...]
    status: Status
    pauses: Mapping[
        str, tuple[tuple[date, date | None], ...]
    ]  # by clock: [from, to) days, None while it lasts
    ends: Mapping[str, tuple[date, str]]  # clocks whose source ends or leaves the monitoring: the day and why
    end: tuple[date, str] | None = None  # the day everything ended and why
    changes_on: date | None = None  # the next day on which the plan changes by itself

    @property
    def open_items(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.class_ is None)
