"""A clinic's closed days: nobody can come then, so what is due on one is told earlier; no due day moves.

A product choice, for no guideline says what to do with a due day on which the clinic is closed.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from schedules import days
from schedules.facts import Item

AT_THE_CLINIC = frozenset({"test", "visit", "dose"})  # a check-in is answered at home


@dataclass(frozen=True, slots=True)
class ClosedDays:
    """The weekdays, as ISO numbers them, and the dates on which a clinic is closed: never all seven."""

    weekdays: frozenset[int] = frozenset()
    dates: frozenset[date] = frozenset()

    def has(self, day: date) -> bool:
        return day.isoweekday() in self.weekdays or day in self.dates

    def last_open(self, day: date, *, since: date) -> date | None:
        """The last open day of [since, day]."""
        open_ = (day - timedelta(days=n) for n in range((day - since).days + 1))
        return next((one for one in open_ if not self.has(one)), None)

    def next_open(self, day: date) -> date:
        """That day, or the first open one after it; at the end of the calendar its last day."""
        while self.has(day) and day < date.max:
            day = days.shift(day, 1)
        return day


NEVER = ClosedDays()


def lead(closed: ClosedDays, item: Item) -> timedelta:
    """By how much the reminders up to a due day come earlier, so that they still find the clinic open."""
    if item.kind not in AT_THE_CLINIC or item.appointment is not None or not closed.has(item.due_on):
        return timedelta(0)
    open_ = closed.last_open(item.due_on, since=item.opens_on)
    return timedelta(0) if open_ is None else item.due_on - open_


def told(closed: ClosedDays, item: Item, today: date) -> date:
    """The day that is named to a patient: the last one up to the due day on which they can still come.

    When there is none left, the next open day that is on time; when there is none either, the due day.
    """
    if item.kind not in AT_THE_CLINIC or today > item.last_on_time or not closed.has(item.due_on):
        return item.due_on
    before = closed.last_open(item.due_on, since=max(today, item.opens_on))
    after = closed.next_open(max(today, item.due_on))
    return before or (after if after <= item.last_on_time else item.due_on)
