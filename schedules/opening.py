"""A clock's open item while the plan is unfolded, and the running things that shape the next one."""

from dataclasses import dataclass, field
from datetime import date, datetime

from schedules.days import Duration, shift
from schedules.protocol import ResultStepUp
from schedules.rhythm import Slot


@dataclass(slots=True)
class Open:
    ordinal: int
    slot: Slot
    due_on: date
    made_on: date
    why: str
    protocol_due: date | None  # what the base phases gave; None where they give nothing
    by_test: bool = False  # a test or an answer made it, not an event
    by_step_up: bool = False
    moved: bool = False  # an event set its due day
    overridden: bool = False  # and that event was an override
    wanted_from: date | None = None  # its own day, where a booked visit wants it earlier
    carried: int | None = None  # the offset of the base phases that its test answers
    have: dict[str, date] = field(default_factory=dict)  # component: the day it was collected
    appointment: datetime | None = None

    @property
    def opens_on(self) -> date:
        return min(max(shift(self.due_on, -self.slot.widths.early), shift(self.slot.base, 1)), self.due_on)

    @property
    def last_on_time(self) -> date:
        return shift(self.due_on, self.slot.widths.grace)

    @property
    def lapses_on(self) -> date:
        return shift(self.due_on, self.slot.widths.lapse)


@dataclass(slots=True)
class Running:
    """A step-up that has begun: for a length in days, or until results end it."""

    on: date
    every: Duration
    length: int | None = None
    rule: ResultStepUp | None = None
    streak: int = 0
    ended_on: date | None = None

    @property
    def early(self) -> int:
        return max(1, self.every.approximate_days // 4)


@dataclass(slots=True)
class Override:
    on: date
    every: Duration | None
    lapses_on: date | None
    beside_base: bool = False  # the phases restarted after it, so they count again beside it

    def rules(self, day: date) -> bool:
        """Whether its rhythm follows a test on that day."""
        return self.every is not None and self.on <= day and (self.lapses_on is None or day < self.lapses_on)


@dataclass(slots=True)
class Hold:
    on: date
    paused: bool


@dataclass(slots=True)
class Pauses:
    """The days on which a clock is paused: from a day up to the day before another, None while it lasts."""

    spans: list[tuple[date, date | None]] = field(default_factory=list)

    @property
    def lasting(self) -> bool:
        return bool(self.spans) and self.spans[-1][1] is None

    def begin(self, day: date) -> None:
        if not self.lasting:
            self.spans.append((day, None))

    def end(self, day: date) -> None:
        if self.lasting:
            self.spans[-1] = (self.spans[-1][0], day)

    def on(self, day: date, *, begun_by: date = date.max) -> bool:
        return any(a <= day and a <= begun_by and (b is None or day < b) for a, b in self.spans)

    def days(self, begin: date, end: date) -> int:
        """Days of [begin, end) that were paused."""
        inside = ((max(begin, a), end if b is None else min(end, b)) for a, b in self.spans)
        return sum(max(0, (b - a).days) for a, b in inside)
