"""The prescribing status of a course: what is asked before a repeat is issued."""

from collections.abc import Iterable

from schedules.facts import Event, EventType, State, Status

WORST = [Status.IN_DATE, Status.DUE, Status.OVERDUE, Status.LAPSED, Status.HELD]
CONCERNED = frozenset({EventType.HOLD, EventType.RESUME})


def worst(states: Iterable[State]) -> Status:
    """Of the open items of a course's test clocks; without any there is nothing to be late for."""
    found = (Status.IN_DATE if state is State.UPCOMING else Status(state.value) for state in states)
    return max(found, key=WORST.index, default=Status.IN_DATE)


def on_hold(events: Iterable[Event]) -> bool:
    """Whether a course that goes on is held by now; of one day its resume comes first."""
    last = max(
        ((event.on, event.type is EventType.HOLD) for event in events if event.type in CONCERNED),
        default=None,
    )
    return last is not None and last[1]
