"""A course that changes its protocol version on a day: what it was stays, what it is goes on from there.

Up to the day before, the items are those of the rules that governed then. From that day on they are what the
new rules give from all that is known, so that the open item is counted from the last test as if the new rules
had been there. A duty that the new rules bring is asked from the day on, as of who is enrolled late; the open
item of a duty that they end is ended. Ordinals go on.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date

from schedules import status as statuses
from schedules.facts import Class, Course, Event, Former, Item, Need, Plan, Status


def clocks(course: Course) -> frozenset[str]:
    """The clocks of the course, under the version that it stands under."""
    every = course.protocol.clocks
    return frozenset(clock.id for clock in every if clock.applies(course.indication, course.flags))


def ever(course: Course) -> frozenset[str]:
    """The clocks that the course has or had."""
    return clocks(course) if not course.earlier else clocks(course) | ever(past(course))


def past(course: Course) -> Course:
    """The course as it was before its last change."""
    former = course.earlier[-1]
    return replace(course, protocol=former.protocol, flags=former.flags, earlier=course.earlier[:-1])


def readable(events: Iterable[Event], by: frozenset[str], other: frozenset[str]) -> list[Event]:
    """Without the events that name a clock which only the other version has."""
    return [event for event in events if event.clock is None or event.clock in by or event.clock not in other]


def joined(before: Plan, after: Plan, fresh: Plan | None, *, former: Former, today: date) -> Plan:
    """`before` up to the day before the change, then `after`; of the duties that are new to it `fresh`."""
    on = former.until
    known = {item.clock for item in before.items}
    going_on = [item for item in after.items if item.clock in known]
    begun = [] if fresh is None else [item for item in fresh.items if item.clock not in known]
    later = [item for item in (*going_on, *begun) if item.closed_on is None or item.closed_on >= on]
    closed = [item for item in before.items if item.class_ is not None]
    closed += _ended(before.open_items, {item.clock for item in later}, on)
    renumbered = _renumbered(closed, later)
    return Plan(
        items=(*closed, *renumbered.values()),
        needs=_needs(before, after, fresh, known=known, on=on, numbers=renumbered),
        status=_status(after, renumbered.values(), today),
        pauses={**before.pauses, **after.pauses},
        ends=after.ends,
        end=after.end,
        changes_on=min(
            (plan.changes_on for plan in (after, fresh) if plan is not None and plan.changes_on), default=None
        ),
    )


def _ended(open_items: Sequence[Item], going_on: set[str], on: date) -> list[Item]:
    gone = [item for item in open_items if item.clock not in going_on]
    return [replace(item, class_=Class.ENDED, closed_on=on, held=False) for item in gone]


def _renumbered(closed: Sequence[Item], later: Sequence[Item]) -> dict[tuple[str, int], Item]:
    """What goes on, by clock and the ordinal that its own plan gave it, with the ordinals going on."""
    count = Counter(item.clock for item in closed)
    found = {}
    for item in later:
        count[item.clock] += 1
        found[item.clock, item.ordinal] = replace(item, ordinal=count[item.clock])
    return found


def _needs(
    before: Plan,
    after: Plan,
    fresh: Plan | None,
    *,
    known: set[str],
    on: date,
    numbers: dict[tuple[str, int], Item],
) -> tuple[Need, ...]:
    """What is asked from the day on, and of what was asked before it what the new rules ask as well."""
    asked = {(need.clock, need.kind, need.on) for need in before.needs}
    of_new = () if fresh is None else (n for n in fresh.needs if n.clock is not None and n.clock not in known)
    every = [*(n for n in after.needs if n.clock is None or n.clock in known), *of_new]
    kept = [need for need in every if need.on >= on or (need.clock, need.kind, need.on) in asked]
    return tuple(_numbered(need, numbers) for need in kept)


def _numbered(need: Need, numbers: dict[tuple[str, int], Item]) -> Need:
    item = numbers.get((need.clock or "", need.ordinal or 0))
    return need if item is None else replace(need, ordinal=item.ordinal)


def _status(after: Plan, items: Iterable[Item], today: date) -> Status:
    if after.status in (Status.ENDED, Status.HELD):
        return after.status
    return statuses.worst(item.state(today) for item in items if item.kind == "test" and item.class_ is None)
