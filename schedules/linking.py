"""A booked visit wants its test so long before: `test_before` of its clock.

The open item of the test clock becomes due on that day, if the protocol's own day is later; never later than
the protocol says. A test within the item's early window before that day serves the visit. When the visit is
moved, cancelled or not attended the item goes back to the day it had.
"""

from datetime import date

from schedules.days import subtract
from schedules.facts import Event, EventType
from schedules.fold import Fold

BOOKINGS = frozenset({EventType.BOOKED, EventType.CANCELLED, EventType.NOT_ATTENDED})


def book(fold: Fold, event: Event) -> None:
    """Bring a booking of any visit to the clock; those of a visit that is linked to it count."""
    if event.type not in BOOKINGS:
        return
    for visit in fold.course.protocol.clocks:
        link = visit.test_before
        if link is not None and link.clock == fold.clock.id and event.clock in (None, visit.id):
            _give_back(fold)
            fold.wanted_by = None
            if event.type is EventType.BOOKED and event.at is not None:
                fold.wanted_by = max(event.on, subtract(event.at.date(), link.by))
            keep(fold, event.on)


def keep(fold: Fold, today: date) -> None:
    """Let the open item be due by the day that a booked visit wants, also one that was made since."""
    item, day = fold.open, fold.wanted_by
    if item is None or day is None or item.wanted_from is not None:
        return
    serves = (day - item.slot.base).days <= item.slot.widths.early
    if today <= day < item.due_on and not serves:
        item.wanted_from, item.due_on = item.due_on, day
        item.why = f"due on {day}, before a booked visit: {fold.because(item.slot)}"


def _give_back(fold: Fold) -> None:
    item = fold.open
    if item is not None and item.wanted_from is not None:
        if item.due_on == fold.wanted_by:
            item.due_on, item.why = item.wanted_from, fold.because(item.slot)
        item.wanted_from = None
