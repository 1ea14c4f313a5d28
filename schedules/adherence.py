"""Every measure of adherence as a named part of a named whole, addable from clinic to clinic.

The figures in the measures (28 days late, 7 days after a reminder) are a product choice, as are the items'
windows. A report as of a past moment passes what was known then, and that day as `as_of`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from types import MappingProxyType
from typing import TypeVar

from schedules.facts import Class, Item

VERY_LATE = 28  # days after the due day
EFFECT = timedelta(days=7)  # after a reminder

ON_TIME, LATE, MISSED, OVERDUE = "on-time", "late", "missed", "open-and-overdue"
NOT_YET = "open-not-overdue"
IN_RATE = {Class.ON_TIME: ON_TIME, Class.LATE: LATE, Class.MISSED: MISSED}
WERE_OPEN = frozenset({None, Class.ON_TIME, Class.LATE, Class.WAIVED, Class.ATTESTED, Class.ENDED})

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
    """What the measures ask of one item."""

    due_on: date
    last_on_time: date
    class_: Class | None = None
    collected_on: date | None = None
    closed_on: date | None = None
    held: bool = False

    @classmethod
    def of(cls, item: Item) -> "Duty":
        return cls(
            due_on=item.due_on, last_on_time=item.last_on_time, class_=item.class_,
            collected_on=item.collected_on, closed_on=item.closed_on, held=item.held,
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
        place = _place(duty, as_of=as_of, grace=grace)
        if place in parts:
            parts[place] += 1
        else:
            excluded[place] += 1
    name = "on-time" if grace else "on-time-without-grace"
    return Measure(name=name, period=period, counted=ON_TIME, parts=parts, excluded=dict(excluded))


def _place(duty: Duty, *, as_of: date, grace: bool) -> str:
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
class Record:
    """One test clock of one course. `pauses` are [from, to) days, the last one perhaps without an end."""

    duties: tuple[Duty, ...]
    pauses: tuple[tuple[date, date | None], ...] = ()
    enrolled: date | None = None
    ended: date | None = None


def days_in_date(records: Iterable[Record], period: Period, *, as_of: date) -> Measure:
    """Clock-days not overdue, of the clock-days on the medicine up to `as_of`; held days are in neither."""
    parts = {"in-date": 0, "overdue": 0}
    excluded = {Class.HELD.value: 0}
    last = min(period.last, as_of)
    for record in records:
        ours, overdue, held = (mask.bit_count() for mask in _masks(record, period.first, last))
        parts["in-date"] += ours - overdue
        parts["overdue"] += overdue
        excluded[Class.HELD.value] += held
    return Measure(name="days-in-date", period=period, counted="in-date", parts=parts, excluded=excluded)


def _masks(record: Record, first: date, last: date) -> tuple[int, int, int]:
    """The days from `first` to `last` as bits: ours and not held, overdue among them, and held."""

    def bits(begin: date, end: date | None) -> int:
        """The days from `begin` up to the day before `end`."""
        low = max((begin - first).days, 0)
        high = (last - first).days + 1
        high = high if end is None else min(high, (end - first).days)
        return (1 << high) - (1 << low) if high > low else 0

    begin = _begin(record)
    medicine = bits(begin, record.ended) if begin is not None else 0
    held = overdue = 0
    for start, end in record.pauses:
        held |= bits(start, end)
    for duty in record.duties:
        if duty.class_ in WERE_OPEN:
            overdue |= bits(duty.last_on_time + timedelta(days=1), duty.closed_on)
    ours = medicine & ~held
    return ours, overdue & ours, medicine & held


def _begin(record: Record) -> date | None:
    """The first item's due day, or the enrolment day when that is later."""
    dues = [duty.due_on for duty in record.duties if duty.class_ is not Class.WITHDRAWN]
    if not dues:
        return None
    return min(dues) if record.enrolled is None else max(min(dues), record.enrolled)


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
        if duty.class_ in (Class.ON_TIME, Class.LATE) and duty.collected_on is not None:
            items[(duty.collected_on - duty.due_on).days] += 1
        else:
            excluded[duty.class_.value if duty.class_ is not None else "open"] += 1
    return Lateness(period=period, items=dict(items), excluded=dict(excluded))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """One course on the medicine: does it have an open item?"""

    patient: str
    open_item: bool


def coverage(courses: Iterable[Cover], *, as_of: date) -> Measure:
    """Patients on a medicine whose every course has an open item; `names` are the others, to be called."""
    covered: dict[str, bool] = {}
    for course in courses:
        covered[course.patient] = covered.get(course.patient, True) and course.open_item
    names = tuple(sorted(patient for patient, good in covered.items() if not good))
    parts = {"with-open-item": len(covered) - len(names), "without": len(names)}
    period = Period(as_of, as_of)
    return Measure(name="coverage", period=period, counted="with-open-item", parts=parts, names=names)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A reminder that went out on a local day, and the collection day of its item, if there is one."""

    rung: str
    on: date
    collected_on: date | None = None


def reminder_effect(sent: Iterable[Sent], period: Period, *, as_of: date) -> Mapping[str, Measure]:
    """By rung: items collected within 7 days of the reminder, of all reminders sent in the period."""
    counts: dict[str, dict[str, int]] = {}
    for reminder in sent:
        if reminder.on in period:
            none = {"collected-in-7-days": 0, "not-collected-in-7-days": 0, "7-days-not-over": 0}
            counts.setdefault(reminder.rung, none)[_effect(reminder, as_of)] += 1
    return {
        rung: Measure(
            name=f"reminder-effect/{rung}", period=period, counted="collected-in-7-days", parts=parts
        )
        for rung, parts in sorted(counts.items())
    }


def _effect(reminder: Sent, as_of: date) -> str:
    day = reminder.collected_on
    if day is not None and reminder.on <= day <= min(reminder.on + EFFECT, as_of):
        return "collected-in-7-days"
    return "not-collected-in-7-days" if as_of > reminder.on + EFFECT else "7-days-not-over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A check-in that was sent on a local day."""

    on: date
    answered: bool


def check_ins(asked: Iterable[Asked], period: Period) -> Measure:
    """Check-ins answered, of the check-ins sent in the period."""
    answers = [check_in.answered for check_in in asked if check_in.on in period]
    parts = {"answered": sum(answers), "unanswered": len(answers) - sum(answers)}
    return Measure(name="check-ins", period=period, counted="answered", parts=parts)
