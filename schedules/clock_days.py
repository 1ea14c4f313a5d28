"""Days in date: the days of a clock on which its test was not overdue, of those on the medicine."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta

from schedules.adherence import Duty, Measure, Period
from schedules.facts import Class

NAME, IN_DATE, OVERDUE = "days-in-date", "in-date", "overdue"
WERE_OPEN = frozenset({None, Class.ON_TIME, Class.LATE, Class.WAIVED, Class.ATTESTED, Class.ENDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One test clock of one course. `pauses` are [from, to) days, the last one perhaps without an end."""

    duties: tuple[Duty, ...]
    pauses: tuple[tuple[date, date | None], ...] = ()
    enrolled: date | None = None
    ended: date | None = None


def days_in_date(records: Iterable[Record], period: Period, *, as_of: date) -> Measure:
    """Clock-days not overdue, of the clock-days on the medicine up to `as_of`; held days are in neither."""
    parts = {IN_DATE: 0, OVERDUE: 0}
    excluded = {Class.HELD.value: 0}
    last = min(period.last, as_of)
    for record in records:
        ours, overdue, held = (mask.bit_count() for mask in _masks(record, period.first, last))
        parts[IN_DATE] += ours - overdue
        parts[OVERDUE] += overdue
        excluded[Class.HELD.value] += held
    return Measure(name=NAME, period=period, counted=IN_DATE, parts=parts, excluded=excluded)


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


@dataclass(frozen=True, slots=True)
class Edges:
    """Many clocks at once: on each day, how many begin to count less how many end."""

    medicine: Counter[date] = field(default_factory=Counter)  # not held
    overdue: Counter[date] = field(default_factory=Counter)
    held: Counter[date] = field(default_factory=Counter)

    def add(self, record: Record, period: Period) -> None:
        """The days of one clock in the period."""
        masks = _masks(record, period.first, period.last)
        for changes, mask in zip((self.medicine, self.overdue, self.held), masks, strict=True):
            turns = mask ^ (mask << 1)
            while turns:
                turn = turns & -turns
                changes[period.first + timedelta(days=turn.bit_length() - 1)] += 1 if mask & turn else -1
                turns ^= turn


def between_edges(edges: Edges, period: Period, *, as_of: date) -> Measure:
    """The same measure: every beginning counts from its day to the end, and every end takes the rest away."""
    last = min(period.last, as_of)
    ours, overdue, held = (
        _counted(changes, period.first, last) for changes in (edges.medicine, edges.overdue, edges.held)
    )
    parts = {IN_DATE: ours - overdue, OVERDUE: overdue}
    excluded = {Class.HELD.value: held}
    return Measure(name=NAME, period=period, counted=IN_DATE, parts=parts, excluded=excluded)


def _counted(changes: Counter[date], first: date, last: date) -> int:
    return sum(change * max(0, (last - max(day, first)).days + 1) for day, change in changes.items())
