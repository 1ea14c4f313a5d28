"""What clocks come to once they are unfolded: items, what is asked of people, the status, the next change."""

from collections.abc import Sequence
from datetime import date

from schedules import days
from schedules import status as statuses
from schedules.facts import Event, Item, Need, Plan, Status
from schedules.fold import Fold
from schedules.needs import course_needs, spans, unfinished


def of(
    folds: Sequence[Fold],
    events: Sequence[Event],
    *,
    today: date,
    ended: tuple[date, str] | None,
) -> Plan:
    items = tuple(item for fold in folds for item in fold.all_items())
    asked: list[Need] = course_needs(events, today=today)
    for fold in folds:
        asked += fold.needs + unfinished(fold, today=today, ended=ended)
    timers = {day for fold in folds for day in fold.timers} | {need.on for need in asked}
    timers |= {days.shift(end, 1) for fold in folds if ended is None for _, _, end, _ in spans(fold)}
    later = [day for day in timers if day > today]
    return Plan(
        items=items,
        needs=tuple(sorted((n for n in asked if n.on <= today), key=lambda n: (n.on, n.kind, n.clock or ""))),
        status=_status(folds, items, today=today, ended=ended is not None),
        pauses={fold.clock.id: tuple(fold.pauses.spans) for fold in folds},
        ends={fold.clock.id: fold.end for fold in folds if fold.end is not None},
        end=ended,
        changes_on=min(later, default=None),
    )


def _status(folds: Sequence[Fold], items: Sequence[Item], *, today: date, ended: bool) -> Status:
    tests = {fold.clock.id for fold in folds if fold.clock.kind == "test"}
    if ended or (tests and all(fold.end is not None for fold in folds if fold.clock.id in tests)):
        return Status.ENDED
    if any(fold.hold is not None for fold in folds):
        return Status.HELD
    return statuses.worst(item.state(today) for item in items if item.clock in tests and item.class_ is None)
