"""The wound clock behind `simulate`: facts become known day by day, the plan follows, reminders go out."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Protocol

from schedules import analytes, days, ladder
from schedules import plan as planning
from schedules.facts import Class, Course, Draw, Event, EventType, Item, Need, Plan, State
from schedules.ladder import Hours, Situation, Step, Track, Verdict
from schedules.limits import judge
from schedules.visits import Asked, visits

END_OF_DAY = time(23, 59)
QUARTER = timedelta(minutes=15)
MORNING = frozenset({EventType.RESUME, EventType.DIED})
FAREWELLS = planning.FAREWELLS  # a person dies or leaves, not a course
BY_CALENDAR = frozenset(
    {"hold-review", "override-review", "phase-unfinished", "step-up-unfinished", "check-ins-missed"}
)
MOST_ITEMS = 3000


class Refuse(Protocol):
    def __call__(self, key: str, reason: str) -> Exception: ...


@dataclass(slots=True)
class Tracked:
    """An item as its row would be: its version, and how far each track of its ladder has gone."""

    course: int
    item: Item
    begins: datetime
    version: int = 1
    positions: dict[Track, int] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, str, int]:
        return self.course, self.item.clock, self.item.ordinal

    @property
    def tracks(self) -> tuple[Track, ...]:
        waits = self.item.class_ is None and not self.item.held
        return ladder.ladders()[self.item.ladder].tracks if waits else ()


@dataclass(slots=True)
class CourseState:
    course: Course
    events: list[Event]
    index: int
    known: list[Event] = field(default_factory=list)
    draws: list[Draw] = field(default_factory=list)
    plan: Plan | None = None


@dataclass(slots=True)
class WorkItem:
    fields: dict[str, Any]
    opened_at: datetime
    closed_at: datetime | None = None


class World:
    def __init__(self, body: Any, *, patient: Hours, staff: Hours, refuse: Refuse) -> None:
        self.body, self.patient, self.staff, self.refuse = body, patient, staff, refuse
        self.courses = [self._course(i, course) for i, course in enumerate(body.courses)]
        self.moves = sorted(body.events, key=lambda move: move.on)
        self.tracked: dict[tuple[int, str, int], Tracked] = {}
        self.reminders: list[tuple[tuple[Any, ...], dict[str, Any]]] = []
        self.work: dict[tuple[Any, ...], WorkItem] = {}
        self.messages: dict[tuple[str, datetime], int] = {}
        self.now = datetime.min.replace(tzinfo=UTC)

    def _course(self, index: int, given: Any) -> CourseState:
        course = Course(
            protocol=given.protocol,
            start=given.start,
            indication=given.indication,
            flags=frozenset(given.flags),
            enrolled=given.enrolled,
        )
        events = [Event(**dict(event), ref=str(number)) for number, event in enumerate(given.events)]
        others = (e for i, other in enumerate(self.body.courses) if i != index for e in other.events)
        farewells = [
            Event(on=e.on, type=e.type) for e in others if e.type in FAREWELLS and e.on >= given.start
        ]
        return CourseState(course=course, events=[*events, *farewells], index=index)

    # ---- the clock

    def run(self) -> dict[str, Any]:
        day = min(state.course.start for state in self.courses)
        while day <= self.body.until:
            self._morning(day)
            self._evening(day)
            day = days.shift(day, 1)
        self._send_until(days.instant(day, time(0), self._zone_of(day)))
        return self._answer()

    def _zone_of(self, day: date) -> Any:
        names = [move.time_zone for move in self.moves if move.on <= day]
        return days.zone(names[-1] if names else self.body.patient.time_zone)

    def _morning(self, day: date) -> None:
        """00:00: a move, a resume, a death, and what the passing of days alone changes."""
        now = days.instant(day, time(0), self._zone_of(day))
        self._send_until(now)
        self.patient = replace(self.patient, zone=self._zone_of(day))
        for state in self.courses:
            if state.course.start > day:
                continue
            events = [e for e in state.events if e.on == day and e.type in MORNING]
            changes = state.plan is None or events or (state.plan.changes_on or date.max) <= day
            if changes or state.course.enrolled == day:
                state.known += events
                self._replan(state, day, now)

    def _evening(self, day: date) -> None:
        """23:59: the day's tests, and after them its other events."""
        now = days.instant(day, END_OF_DAY, self._zone_of(day))
        self._send_until(now)
        for state in self.courses:
            if state.course.start > day and not any(result.on == day for result in self.body.results):
                continue
            events = [e for e in state.events if e.on == day and e.type not in MORNING]
            draws, answers = self._draws(state, day), self._answers(state, day)
            if events or draws or answers:
                state.known += [*answers, *events]
                state.draws += draws
                self._find(state, draws, now)
                if state.course.start <= day:
                    self._replan(state, day, now)

    # ---- what happens on a day

    def _draws(self, state: CourseState, day: date) -> list[Draw]:
        found = [self._result(result.values, day) for result in self.body.results if result.on == day]
        if isinstance(self.body.tests, tuple):
            if day in self.body.tests:
                found.append(Draw(on=day, components=frozenset(analytes.analytes())))
        elif self.body.tests == "on-due":
            found += [
                Draw(on=day, components=state.course.protocol.clock(item.clock).components, clock=item.clock)
                for item in self._due(state, day)
                if item.kind == "test"
            ]
        return found

    @staticmethod
    def _result(values: dict[str, Any], day: date) -> Draw:
        usable = {name: value for name, value in values.items() if analytes.analyte(name).plausible(value)}
        return Draw(on=day, components=frozenset(usable), values=usable)

    @staticmethod
    def _due(state: CourseState, day: date) -> list[Item]:
        found = state.plan.open_items if state.plan is not None else ()
        return [item for item in found if item.due_on <= day and not item.held]

    def _answers(self, state: CourseState, day: date) -> list[Event]:
        if self.body.tests != "on-due":
            return []
        kinds = {"visit": EventType.ATTENDED, "check-in": EventType.ANSWERED, "dose": EventType.ADMINISTERED}
        due = [item for item in self._due(state, day) if item.kind in kinds]
        return [Event(on=day, type=kinds[item.kind], clock=item.clock) for item in due]

    def _find(self, state: CourseState, draws: list[Draw], now: datetime) -> None:
        """Judge the values of the day on their arrival."""
        course = state.course
        for draw in draws:
            for name, value in sorted(draw.values.items()):
                judged = judge(
                    course.protocol.limits,
                    analyte=name,
                    value=value,
                    on=draw.on,
                    indication=course.indication,
                    flags=course.flags,
                )
                if judged:
                    key = (state.index, None, None, "limit", name, draw.on)
                    self._open(key, level=judged[0].level, role="prescriber", at=now)

    # ---- the plan and its rows

    def _replan(self, state: CourseState, day: date, now: datetime) -> None:
        try:
            state.plan = planning.plan(state.course, state.known, state.draws, today=day)
        except planning.EventRefused as error:
            key = f"courses.{state.index}.events.{error.event.ref or ''}"
            raise self.refuse(key.rstrip("."), str(error)) from None
        if len(state.plan.items) > MOST_ITEMS:
            raise self.refuse("until", f"a course has more than {MOST_ITEMS} items by then")
        for item in state.plan.items:
            self._write(state.index, item, now)
        self._ask(state, now)

    def _write(self, course: int, item: Item, now: datetime) -> None:
        tracked = self.tracked.get((course, item.clock, item.ordinal))
        if tracked is None:
            tracked = Tracked(course=course, item=item, begins=now)
            self.tracked[tracked.key] = tracked
            return
        was, tracked.item = tracked.item, item
        if was.class_ is None and item.class_ is not None:
            self._withdraw(tracked, was, now, reason=f"closed: {item.class_}")
            self._close_work(tracked.key, now)
        elif was.due_on != item.due_on or was.appointment != item.appointment:
            self._withdraw(tracked, was, now, reason="the due day changed")
            tracked.version, tracked.begins, tracked.positions = tracked.version + 1, now, {}
        elif was.held and not item.held:
            tracked.begins = now

    def _withdraw(self, tracked: Tracked, was: Item, now: datetime, *, reason: str) -> None:
        late = was.kind == "check-in" and tracked.item.class_ is Class.MISSED
        for track in ladder.ladders()[was.ladder].tracks:
            after = tracked.positions.get(track, 0)
            hours = self._hours(track)
            step = ladder.next_rung(was, track, hours=hours, begins=tracked.begins, after=after)
            if step is not None:
                outcome = "expired" if late else "withdrawn"
                self._record(tracked, track, step, outcome=outcome, reason=reason)

    def _ask(self, state: CourseState, now: datetime) -> None:
        assert state.plan is not None
        asked: set[tuple[Any, ...]] = set()
        for need in state.plan.needs:
            key = (state.index, need.clock, need.ordinal, need.kind, need.on)
            asked.add(key)
            if need.met_on is None:
                self._open(key, level=need.level, role=need.role, at=self._moment_of(need, now))
            elif key in self.work:
                self._shut(key, now)

    def _moment_of(self, need: Need, now: datetime) -> datetime:
        return self.staff.next_from(now) if need.kind in BY_CALENDAR else now

    # ---- reminders

    def _hours(self, track: Track) -> Hours:
        return self.patient if track in ladder.PEOPLE else self.staff

    def _send_until(self, end: datetime) -> None:
        """Decide, in the order of time, every rung whose moment comes before `end`."""
        while True:
            coming = min(self._coming(), key=lambda found: found[:2], default=None)
            if coming is None or coming[0] >= end:
                self.now = max(self.now, end)
                return
            self.now = coming[0]
            self._climb(coming[2], coming[3])

    def _coming(self) -> Iterator[tuple[datetime, tuple[Any, ...], Tracked, Track]]:
        for tracked in self.tracked.values():
            for track in tracked.tracks:
                after = tracked.positions.get(track, 0)
                hours = self._hours(track)
                step = ladder.next_rung(tracked.item, track, hours=hours, begins=tracked.begins, after=after)
                if step is not None:
                    yield self._allowed(step.planned, track), (*tracked.key, track), tracked, track

    def _allowed(self, planned: datetime, track: Track) -> datetime:
        """The first moment, from now on, outside outages and quiet hours."""
        moment = max(planned, self.now)
        while True:
            later = max((b for a, b in self.body.outages if a <= moment < b), default=moment)
            if track in ladder.PEOPLE:
                later = self.patient.allowed_from(later)
            if later == moment:
                return moment
            moment = later

    def _climb(self, tracked: Tracked, track: Track) -> None:
        hours = self._hours(track)
        found = ladder.steps(tracked.item, track, hours=hours, begins=tracked.begins)
        *older, last = ladder.passed(found, self.now, after=tracked.positions.get(track, 0))
        for step in older:
            self._record(tracked, track, step, outcome="superseded", reason="a later rung took its place")
        tracked.positions[track] = last.position
        people = track in ladder.PEOPLE
        decision = ladder.guard(Situation(now=self.now, people=people, hours=hours))
        assert decision.verdict is Verdict.SEND
        self._record(tracked, track, last, outcome="sent", reason=decision.reason, sent_at=self.now)
        if last.rung.level is not None:
            key = (*tracked.key, last.rung.kind)
            self._open(key, level=last.rung.level, role=last.rung.role, at=self.now)

    def _record(
        self,
        tracked: Tracked,
        track: Track,
        step: Step,
        *,
        outcome: str,
        reason: str,
        sent_at: datetime | None = None,
    ) -> None:
        course, clock, ordinal = tracked.key
        message = self._message(track, sent_at) if step.rung.effect == "message" else None
        row = {
            "course": course,
            "clock": clock,
            "ordinal": ordinal,
            "version": tracked.version,
            "rung": step.name,
            "audience": track,
            "local": f"{step.day}T{self._hours(track).at:%H:%M}",
            "send_at": _utc(step.planned),
            "sent_at": _utc(sent_at),
            "outcome": outcome,
            "reason": reason,
            "message": message,
        }
        order = (sent_at or step.planned, course, clock, ordinal, track, tracked.version, step.position)
        self.reminders.append((order, row))

    def _message(self, track: Track, sent_at: datetime | None) -> int | None:
        if sent_at is None:
            return None
        quarter = sent_at.replace(minute=sent_at.minute // 15 * 15, second=0, microsecond=0)
        return self.messages.setdefault((track, quarter), len(self.messages) + 1)

    # ---- work items

    def _open(self, key: tuple[Any, ...], *, level: Any, role: Any, at: datetime) -> None:
        if key not in self.work:
            course, clock, ordinal, kind = key[:4]
            fields = {
                "course": course,
                "clock": clock,
                "ordinal": ordinal,
                "kind": kind,
                "level": level,
                "role": role,
            }
            self.work[key] = WorkItem(fields=fields, opened_at=at)

    def _shut(self, key: tuple[Any, ...], now: datetime) -> None:
        if self.work[key].closed_at is None:
            self.work[key].closed_at = now

    def _close_work(self, item: tuple[int, str, int], now: datetime) -> None:
        for key in self.work:
            if key[:3] == item and len(key) == 4:
                self._shut(key, now)

    # ---- the answer

    def _answer(self) -> dict[str, Any]:
        return {
            "items": [self._item(tracked) for tracked in sorted(self.tracked.values(), key=_by_due)],
            "reminders": [row for _, row in sorted(self.reminders, key=lambda found: found[0])],
            "work_items": [
                _work_item(found) for found in sorted(self.work.values(), key=lambda w: w.opened_at)
            ],
            "visits": self._visits(),
        }

    def _item(self, tracked: Tracked) -> dict[str, Any]:
        item = tracked.item
        return {
            "course": tracked.course,
            "clock": item.clock,
            "kind": item.kind,
            "ordinal": item.ordinal,
            "version": tracked.version,
            "phase": item.phase,
            "due_on": item.due_on.isoformat(),
            "opens_on": item.opens_on.isoformat(),
            "last_on_time": item.last_on_time.isoformat(),
            "lapses_on": item.lapses_on.isoformat(),
            "state": item.state(self.body.until).value,
            "class": None if item.class_ is None else item.class_.value,
            "collected_on": None if item.collected_on is None else item.collected_on.isoformat(),
            "missing": list(item.missing),
            "why": item.why,
        }

    def _visits(self) -> list[dict[str, Any]]:
        asked = [
            Asked(tracked.course, tracked.item)
            for tracked in self.tracked.values()
            if tracked.item.state(self.body.until) is not State.CLOSED
        ]
        return [
            {
                "on": visit.on.isoformat(),
                "items": [
                    {"course": a.course, "clock": a.item.clock, "ordinal": a.item.ordinal}
                    for a in visit.items
                ],
                "components": list(visit.components),
            }
            for visit in visits(asked)
        ]


def _by_due(tracked: Tracked) -> tuple[Any, ...]:
    return tracked.item.due_on, *tracked.key


def _utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _work_item(found: WorkItem) -> dict[str, Any]:
    due = found.opened_at + ladder.DUE_BY[found.fields["level"]]
    return {
        **found.fields,
        "opened_at": _utc(found.opened_at),
        "due_by": _utc(due),
        "closed_at": _utc(found.closed_at),
    }
