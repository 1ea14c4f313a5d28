"""The plan: a pure function of what is known of a course and a day (scheduling rules §§1–6).

The answer depends on the set of events and draws, never on the order in which they were entered. "As of" a
past moment is the same function over what was known then (`known_at`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from schedules import days, linking, planned, versions
from schedules import events as entries
from schedules.cadence import fold_of
from schedules.facts import Course, Draw, Event, EventType, Plan
from schedules.fold import Fold

LONGEST_HOLD = timedelta(days=28)
FAREWELLS = frozenset({EventType.DIED, EventType.LEFT, EventType.MOVED_AWAY})
ONE_CLOCK = frozenset(
    {
        EventType.OVERRIDE,
        EventType.ATTENDED,
        EventType.ADMINISTERED,
        EventType.ANSWERED,
        EventType.BOOKED,
        EventType.NOT_ATTENDED,
        EventType.CANCELLED,
        EventType.WAIVED,
        EventType.ATTESTED,
    }
)
ANSWERS = {EventType.ATTENDED: "visit", EventType.ADMINISTERED: "dose", EventType.ANSWERED: "check-in"}
ORDER = {  # the order of a day; tests stand at TESTS
    EventType.RESUME: 0,
    EventType.DIED: 1,
    EventType.LEFT: 1,
    EventType.MOVED_AWAY: 1,
    EventType.ATTENDED: 3,
    EventType.ADMINISTERED: 3,
    EventType.ANSWERED: 3,
    EventType.ATTESTED: 3,
    EventType.BOOKED: 4,
    EventType.NOT_ATTENDED: 4,
    EventType.CANCELLED: 4,
    EventType.WAIVED: 4,
    EventType.DOSE_DECREASE: 5,
    EventType.DOSE_INCREASE: 6,
    EventType.BRAND_CHANGE: 7,
    EventType.MAINTENANCE_DOSE: 8,
    EventType.HOLD: 9,
    EventType.OVERRIDE: 10,
    EventType.STOP: 11,
}
TESTS = 2


class EventRefused(ValueError):
    """An event that the course cannot have; `event` is the one, the text says why and what to do."""

    def __init__(self, event: Event, reason: str) -> None:
        self.event = event
        super().__init__(reason)


class Entry(NamedTuple):
    day: date
    rank: int
    known: str
    what: Event | Draw


def plan(
    course: Course,
    events: Iterable[Event],
    draws: Iterable[Draw],
    *,
    today: date,
    known_at: datetime | None = None,
) -> Plan:
    """Every item of the course, past and open, as of `today`. EventRefused when an event cannot be."""
    events = [event for event in events if _counts(event, today, known_at)]
    draws = [draw for draw in draws if _counts(draw, today, known_at)]
    unfold = _over_versions if course.earlier else _plan
    return unfold(course, events, draws, today)


def _over_versions(course: Course, events: Sequence[Event], draws: Sequence[Draw], today: date) -> Plan:
    """One version after the other: see `versions`."""
    was, former, now = versions.past(course), course.earlier[-1], replace(course, earlier=())
    if today < former.until:
        found = plan(was, events, draws, today=today)
        return replace(found, changes_on=min(found.changes_on or former.until, former.until))
    ours, theirs = versions.clocks(now), versions.ever(was)
    events = [_named(was, event, until=former.until) for event in events]
    mine = versions.readable(events, ours, theirs)
    before = plan(was, versions.readable(events, theirs, ours), draws, today=days.shift(former.until, -1))
    after, fresh = _plan(now, mine, draws, today), None
    if not ours <= theirs:
        enrolled = max(former.until, course.enrolled or course.start)
        fresh = _plan(replace(now, enrolled=enrolled), mine, draws, today)
    return versions.joined(before, after, fresh, former=former, today=today)


def _named(was: Course, event: Event, *, until: date) -> Event:
    """An event of a time when one clock alone could be meant, by the name of that clock."""
    if event.type not in ONE_CLOCK or event.clock is not None or event.on >= until:
        return event
    concerned = _concerned(was, event)
    return replace(event, clock=concerned[0]) if len(concerned) == 1 else event


def _plan(course: Course, events: Sequence[Event], draws: Sequence[Draw], today: date) -> Plan:
    unfolding = Unfolding(course)
    unfolding.add(events, draws)
    return unfolding.plan(today)


def _counts(fact: Event | Draw, today: date, known_at: datetime | None) -> bool:
    known = known_at is None or fact.recorded_at is None or fact.recorded_at <= known_at
    return known and fact.on <= today


def _in_order(events: Sequence[Event], draws: Sequence[Draw]) -> list[Entry]:
    found = [Entry(event.on, ORDER[event.type], f"{event.recorded_at}{event!r}", event) for event in events]
    found += [Entry(draw.on, TESTS, f"{draw.recorded_at}{sorted(draw.components)}", draw) for draw in draws]
    return sorted(found, key=_place)


def check(course: Course, events: Sequence[Event], *, known: int = 0) -> None:
    """EventRefused unless the events, in their order, can happen to the course; so many were looked at."""
    held: Event | None = None
    stopped: Event | None = None
    for number, event in enumerate(events):
        if number >= known:
            _check_one(course, event)
        if stopped is not None and event.type not in FAREWELLS:
            raise EventRefused(event, f"the course was stopped on {stopped.on}: start a new course instead")
        if event.type is EventType.RESUME and held is None:
            raise EventRefused(event, "there is no hold to resume from: enter the hold first")
        if event.type is EventType.HOLD:
            held = event
        elif event.type is EventType.RESUME:
            held = None
        elif event.type in (EventType.STOP, *FAREWELLS):
            stopped, held = event, None


def _check_one(course: Course, event: Event) -> None:
    if event.on < course.start:
        raise EventRefused(event, f"it is before the start of the course, {course.start}")
    names = [c.id for c in course.protocol.clocks if c.applies(course.indication, course.flags)]
    if event.clock is not None and event.clock not in versions.ever(course):
        raise EventRefused(event, "the course has no such clock: use one of " + ", ".join(names))
    if event.type in ONE_CLOCK and event.clock is None and len(_concerned(course, event)) != 1:
        raise EventRefused(event, "the course has several clocks: name the clock")
    if event.type is EventType.OVERRIDE:
        _check_override(event)
    if event.type is EventType.HOLD:
        _check_hold(event)
    if event.type is EventType.BOOKED and event.at is None:
        raise EventRefused(event, "a booked visit has a date and time: give at")


def _check_hold(event: Event) -> None:
    latest = event.on + LONGEST_HOLD
    if event.review_on is not None and not event.on <= event.review_on <= latest:
        raise EventRefused(event, f"review_on is at most 28 days after the hold begins: by {latest}")


def _check_override(event: Event) -> None:
    if (event.every is None) == (event.due_on is None):
        raise EventRefused(event, "an override gives every or due_on, and one of them only")
    if event.due_on is not None and event.due_on < event.on:
        raise EventRefused(event, "due_on is before the day of the override")
    if event.review_on is not None and event.review_on < event.on:
        raise EventRefused(event, "review_on is before the day of the override")


def _concerned(course: Course, event: Event) -> list[str]:
    clocks = [c for c in course.protocol.clocks if c.applies(course.indication, course.flags)]
    kind = ANSWERS.get(event.type)
    return [clock.id for clock in clocks if kind is None or clock.kind == kind]


class Unfolding:
    """A course as far as its facts are known: those of later days may follow, and cost no more than they are.

    Of a course that keeps its version. What comes later is known later; `today` never goes back.
    """

    def __init__(self, course: Course) -> None:
        self.course = course
        self.line: list[Entry] = []
        self.new: list[Entry] = []
        self.today = date.min
        self._begin()

    def _begin(self) -> None:
        reached = tuple(entry.day for entry in self.line if _ends_a_phase(entry.what))
        self.folds = [
            fold_of(self.course, clock, reached)
            for clock in self.course.protocol.clocks
            if clock.applies(self.course.indication, self.course.flags)
        ]
        self.done = 0  # entries of the line that were brought to every clock
        self.enrolled = self.course.monitored_since or self.course.enrolled
        self.ended: tuple[date, str] | None = None
        self.gone = False

    def add(self, events: Sequence[Event], draws: Sequence[Draw]) -> None:
        self.new = sorted([*self.new, *_in_order(events, draws)], key=_place)

    def plan(self, today: date) -> Plan:
        """Every item as of `today`, of all that was added. EventRefused when an event cannot be."""
        self._take_in()
        self.today = today
        for entry in self.line[self.done :]:
            self._unfold(entry)
        if not self.gone:
            self._enrol(today)
            self._advance(today)
        return planned.of(self.folds, _events(self.line), today=today, ended=self.ended)

    def _take_in(self) -> None:
        """Begin again when something came before what is unfolded, or ends a phase that is past."""
        new, self.new = self.new, []
        last = self.line[-1] if self.line else None
        back = bool(new) and (new[0].day < self.today or (last is not None and _place(new[0]) < _place(last)))
        checked = 0 if back else len(_events(self.line))
        self.line += new
        if back:
            self.line.sort(key=_place)
        check(self.course, _events(self.line), known=checked)
        if back or any(_ends_a_phase(entry.what) for entry in new):
            self._begin()

    def _unfold(self, entry: Entry) -> None:
        """Bring an entry to every clock it concerns; nothing follows after a farewell."""
        self.done += 1
        if self.gone:
            return
        self._enrol(entry.day)
        for fold in self.folds:
            entries.advance(fold, entry.day)
            _bring(fold, entry.what)
            linking.keep(fold, entry.day)
        if isinstance(entry.what, Event) and entry.what.type in (EventType.STOP, *FAREWELLS):
            self.ended = self.ended or (entry.day, entry.what.reason or entry.what.type.value)
            self.gone = entry.what.type in FAREWELLS

    def _enrol(self, day: date) -> None:
        if self.enrolled is not None and day >= self.enrolled:
            self._advance(self.enrolled)
            for fold in self.folds:
                entries.enrol(fold, self.enrolled)
            self.enrolled = None

    def _advance(self, day: date) -> None:
        for fold in self.folds:
            entries.advance(fold, day)


def _place(entry: Entry) -> tuple[date, int, str]:
    return entry[:3]


def _events(line: Sequence[Entry]) -> list[Event]:
    return [entry.what for entry in line if isinstance(entry.what, Event)]


def _ends_a_phase(what: Event | Draw) -> bool:
    return isinstance(what, Event) and what.type is EventType.MAINTENANCE_DOSE


def _bring(fold: Fold, what: Event | Draw) -> None:
    if isinstance(what, Draw):
        for step_up in fold.draw(what):
            entries.begin(fold, step_up)
        return
    linking.book(fold, what)
    if what.clock in (None, fold.clock.id) and ANSWERS.get(what.type, fold.clock.kind) == fold.clock.kind:
        entries.apply(fold, what)
