"""The wound clock behind `simulate`: facts become known day by day, and the plan follows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from schedules import analytes, days, limits
from schedules import plan as planning
from schedules.book import Book
from schedules.facts import Course, Draw, Event, EventType, Item, Plan
from schedules.plan import Unfolding

END_OF_DAY = time(23, 59)
MORNING = frozenset({EventType.RESUME, EventType.DIED})
ANSWERS = {
    "visit": EventType.ATTENDED,
    "check-in": EventType.ANSWERED,
    "dose": EventType.ADMINISTERED,
}
MOST_ITEMS = 3000


class Refuse(Protocol):
    def __call__(self, key: str, reason: str) -> Exception: ...


@dataclass(slots=True)
class State:
    """One course as far as it is known."""

    index: int
    course: Course
    events: list[Event]
    draws: list[Draw] = field(default_factory=list)
    plan: Plan | None = None
    unfolding: Unfolding = field(init=False)

    def __post_init__(self) -> None:
        self.unfolding = Unfolding(self.course)

    def learn(self, events: Sequence[Event], draws: Sequence[Draw] = ()) -> None:
        self.draws += draws
        self.unfolding.add(events, draws)

    def due(self, day: date) -> list[Item]:
        """Open items that are due by that day and not paused."""
        found = self.plan.open_items if self.plan is not None else ()
        return [item for item in found if item.due_on <= day and not item.held]


class World:
    """Runs the days of a simulation's body and keeps its book."""

    def __init__(self, body: Any, *, book: Book, refuse: Refuse) -> None:
        self.body, self.book, self.refuse = body, book, refuse
        self.states = [_state(body, index) for index in range(len(body.courses))]
        self.moves = sorted(body.events, key=lambda move: move.on)
        self.moving = [(days.instant(m.on, time(0), days.zone(m.time_zone)), m) for m in self.moves]

    def run(self) -> dict[str, Any]:
        first = [state.course.start for state in self.states] + [r.on for r in self.body.results]
        day = min(first)
        while day <= self.body.until:
            self._morning(day)
            self._evening(day)
            day = days.shift(day, 1)
        self._pass_until(days.instant(day, time(0), self._zone_of(day)))
        return self.book.answer(self.body.until)

    def _zone_of(self, day: date) -> ZoneInfo:
        names = [move.time_zone for move in self.moves if move.on <= day]
        return days.zone(names[-1] if names else self.body.patient.time_zone)

    def _pass_until(self, end: datetime) -> None:
        """Send what is due before `end`; a move counts from 00:00 in the new zone, which may come early."""
        while self.moving and self.moving[0][0] <= end:
            moment, move = self.moving.pop(0)
            self.book.send_until(moment)
            self.book.move(days.zone(move.time_zone))
        self.book.send_until(end)

    def _morning(self, day: date) -> None:
        """00:00: a resume, a death, and what the passing of days alone changes."""
        now = days.instant(day, time(0), self._zone_of(day))
        self._pass_until(now)
        for state in self.states:
            events = [event for event in state.events if event.on == day and event.type in MORNING]
            state.learn(events)
            changes_on = None if state.plan is None else state.plan.changes_on
            changes = events or state.plan is None or state.course.enrolled == day
            if state.course.start <= day and (changes or (changes_on is not None and changes_on <= day)):
                self._replan(state, day, now)

    def _evening(self, day: date) -> None:
        """23:59: the day's tests, and after them its other events."""
        now = days.instant(day, END_OF_DAY, self._zone_of(day))
        self._pass_until(now)
        for state in self.states:
            events = [event for event in state.events if event.on == day and event.type not in MORNING]
            events = [*self._answers(state, day), *events]
            draws = self._draws(state, day)
            state.learn(events, draws)
            self._judge(state, draws, now)
            if (events or draws) and state.course.start <= day:
                self._replan(state, day, now)

    def _draws(self, state: State, day: date) -> list[Draw]:
        found = [_drawn(result.values, day) for result in self.body.results if result.on == day]
        if isinstance(self.body.tests, tuple) and day in self.body.tests:
            found.append(Draw(on=day, components=frozenset(analytes.analytes())))
        if self.body.tests == "on-due":
            clocks = [state.course.protocol.clock(i.clock) for i in state.due(day) if i.kind == "test"]
            found += [Draw(on=day, components=clock.components, clock=clock.id) for clock in clocks]
        return found

    def _answers(self, state: State, day: date) -> list[Event]:
        if self.body.tests != "on-due":
            return []
        due = [item for item in state.due(day) if item.kind in ANSWERS]
        return [Event(on=day, type=ANSWERS[item.kind], clock=item.clock) for item in due]

    def _judge(self, state: State, draws: Iterable[Draw], now: datetime) -> None:
        """Every value is judged on its arrival."""
        course = state.course
        for number, draw in enumerate(draws):
            for name, value in sorted(draw.values.items()):
                found = limits.judge(
                    course.protocol.limits,
                    analyte=name,
                    value=value,
                    on=draw.on,
                    before=limits.readings(state.draws, name),
                    start=course.start,
                    indication=course.indication,
                    flags=course.flags,
                )
                if found:
                    key = (state.index, None, None, name, draw.on, number)
                    self.book.open(key, "limit", level=found[0].level, role="prescriber", at=now)

    def _replan(self, state: State, day: date, now: datetime) -> None:
        try:
            state.plan = state.unfolding.plan(day)
        except planning.EventRefused as error:
            key = f"courses.{state.index}.events.{error.event.ref or ''}"
            raise self.refuse(key.rstrip("."), str(error)) from None
        if len(state.plan.items) > MOST_ITEMS:
            raise self.refuse("until", f"a course has more than {MOST_ITEMS} items by then")
        self.book.write(state.index, state.plan, now)


def _state(body: Any, index: int) -> State:
    given = body.courses[index]
    course = Course(
        protocol=given.protocol,
        start=given.start,
        indication=given.indication,
        flags=frozenset(given.flags),
        enrolled=given.enrolled,
    )
    events = [Event(**dict(event), ref=str(number)) for number, event in enumerate(given.events)]
    return State(index=index, course=course, events=[*events, *_farewells(body, index)])


def _farewells(body: Any, index: int) -> list[Event]:
    """A person dies or leaves, not a course: what another course says of it ends this one too."""
    others = (event for i, other in enumerate(body.courses) if i != index for event in other.events)
    start = body.courses[index].start
    return [Event(on=e.on, type=e.type) for e in others if e.type in planning.FAREWELLS and e.on >= start]


def _drawn(values: dict[str, Any], day: date) -> Draw:
    """What cannot be a person's value closes and decides nothing."""
    usable = {name: value for name, value in values.items() if analytes.analyte(name).plausible(value)}
    return Draw(on=day, components=frozenset(usable), values=usable)
