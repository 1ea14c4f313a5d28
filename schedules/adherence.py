"""Every measure of adherence as a named part of a named whole, addable from clinic to clinic.

The 28 days of a very late test are a product choice, as are the items' windows. A report as of a past moment
passes what was known then, and that day as `as_of`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from types import MappingProxyType
from typing import TypeVar

from schedules.facts import Class, Item

VERY_LATE = 28  # days after the due day

ON_TIME, LATE, MISSED, OVERDUE = "on-time", "late", "missed", "open-and-overdue"
NOT_YET = "open-not-overdue"
IN_RATE = {Class.ON_TIME: ON_TIME, Class.LATE: LATE, Class.MISSED: MISSED}

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True)
class Period:
    """Days, the first and the last included."""

    first: date
    last: date

    def __post_init__(self) -> None:
        if self.last < self.first:
            raise ValueError("the period ends before it begins: give its first day, then its last")

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """A part of a whole: `parts` add up to the denominator, and the one named `counted` is the numerator.

    `excluded` says by class what is in neither; attested items are among them. `names` are the ids to call.
    """

    name: str
    period: Period
    counted: str
    parts: Mapping[str, int]
    excluded: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    names: tuple[str, ...] = ()

    @property
    def numerator(self) -> int:
        return self.parts.get(self.counted, 0)

    @property
    def denominator(self) -> int:
        return sum(self.parts.values())

    @property
    def rate(self) -> float | None:
        """None is "no data": never 0 %, never 100 %."""
        return self.numerator / self.denominator if self.denominator else None

    def __add__(self, other: "Measure") -> "Measure":
        if (self.name, self.period, self.counted) != (other.name, other.period, other.counted):
            raise ValueError("only the same measure of the same period adds up")
        names = tuple(sorted({*self.names, *other.names}))
        parts, excluded = _sum(self.parts, other.parts), _sum(self.excluded, other.excluded)
        return replace(self, parts=parts, excluded=excluded, names=names)


def _sum(one: Mapping[Key, int], other: Mapping[Key, int]) -> Mapping[Key, int]:
    return MappingProxyType({key: one.get(key, 0) + other.get(key, 0) for key in [*one, *other]})


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What the measures ask of one item, or of as many `times` as there are items like it."""

    due_on: date
    last_on_time: date
    class_: Class | None = None
    collected_on: date | None = None
    closed_on: date | None = None
    held: bool = False
    phase: str = ""
    times: int = 1

    @classmethod
    def of(cls, item: Item) -> "Duty":
        return cls(
            due_on=item.due_on, last_on_time=item.last_on_time, class_=item.class_,
            collected_on=item.collected_on, closed_on=item.closed_on, held=item.held, phase=str(item.phase),
        )  # fmt: skip


def on_time(duties: Iterable[Duty], period: Period, *, as_of: date, grace: bool = True) -> Measure:
    """Items done on time, of the items whose last day on time is in the period.

    Without grace the items are the same ones, and those collected in their days of grace are late. An item
    that a pause excused (on time though collected later still) stays on time.
    """
    parts = dict.fromkeys((ON_TIME, LATE, MISSED, OVERDUE), 0)
    excluded: Counter[str] = Counter()
    for duty in duties:
        if duty.last_on_time not in period or duty.class_ is Class.WITHDRAWN:
            continue
        part = place(duty, as_of=as_of, grace=grace)
        if part in parts:
            parts[part] += duty.times
        else:
            excluded[part] += duty.times
    name = "on-time" if grace else "on-time-without-grace"
    return Measure(name=name, period=period, counted=ON_TIME, parts=parts, excluded=dict(excluded))


def place(duty: Duty, *, as_of: date, grace: bool = True) -> str:
    """The part of the on-time rate in which an item is counted, or the class by which it is excluded."""
    if duty.class_ is None and duty.held:
        return Class.HELD.value
    if duty.class_ is None:
        return OVERDUE if as_of > duty.last_on_time else NOT_YET
    if not grace and duty.class_ is Class.ON_TIME and _used_grace(duty):
        return LATE
    return IN_RATE.get(duty.class_, duty.class_.value)


def _used_grace(duty: Duty) -> bool:
    return duty.collected_on is not None and duty.due_on < duty.collected_on <= duty.last_on_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Lateness:
    """Days from due day to collection, early ones negative: how many items for each number of days."""

    period: Period
    items: Mapping[int, int]
    excluded: Mapping[str, int]

    @property
    def quartiles(self) -> tuple[int, int, int] | None:
        """By nearest rank, so each occurred; the middle one is the median. None is no data."""
        ordered = [late for late in sorted(self.items) for _ in range(self.items[late])]
        count = len(ordered)
        if not count:
            return None
        first, median, third = (ordered[-(-count * quarter // 4) - 1] for quarter in (1, 2, 3))
        return first, median, third

    @property
    def median(self) -> int | None:
        return self.quartiles[1] if self.quartiles is not None else None

    @property
    def very_late(self) -> Measure:
        """The items collected more than 28 days after their due day, of the items collected."""
        over = sum(count for late, count in self.items.items() if late > VERY_LATE)
        parts = {"over-28-days": over, "within-28-days": sum(self.items.values()) - over}
        return Measure(
            name="very-late", period=self.period, counted="over-28-days", parts=parts, excluded=self.excluded
        )

    def __add__(self, other: "Lateness") -> "Lateness":
        if self.period != other.period:
            raise ValueError("only the same measure of the same period adds up")
        items, excluded = _sum(self.items, other.items), _sum(self.excluded, other.excluded)
        return replace(self, items=items, excluded=excluded)


def lateness(duties: Iterable[Duty], period: Period) -> Lateness:
    """How late the items were whose last day on time is in the period; `excluded` are those not collected."""
    items: Counter[int] = Counter()
    excluded: Counter[str] = Counter()
    for duty in duties:
        if duty.last_on_time not in period or duty.class_ is Class.WITHDRAWN:
            continue
        if (late := days_late(duty)) is not None:
            items[late] += duty.times
        else:
            excluded[duty.class_.value if duty.class_ is not None else "open"] += duty.times
    return Lateness(period=period, items=dict(items), excluded=dict(excluded))


def days_late(duty: Duty) -> int | None:
    """From the due day to collection; None for what was not collected."""
    if duty.class_ not in (Class.ON_TIME, Class.LATE) or duty.collected_on is None:
        return None
    return (duty.collected_on - duty.due_on).days


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """One course on the medicine: does it have an open item? Who is on two medicines counts on each."""

    patient: str
    open_item: bool
    course: str = ""
    times: int = 1


def coverage(courses: Iterable[Cover], *, as_of: date) -> Measure:
    """Patients on a medicine that has an open item for them; `names` are the others, to be called."""
    covered: dict[tuple[str, str], bool] = {}
    times: dict[tuple[str, str], int] = {}
    for course in courses:
        key = course.patient, course.course
        covered[key] = covered.get(key, True) and course.open_item
        times[key] = course.times
    without = [key for key, good in covered.items() if not good]
    some = sum(times[key] for key in without)
    parts = {"with-open-item": sum(times.values()) - some, "without": some}
    names = tuple(sorted({patient for patient, _ in without}))
    period = Period(as_of, as_of)
    return Measure(name="coverage", period=period, counted="with-open-item", parts=parts, names=names)
