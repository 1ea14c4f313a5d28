"""What the rows would be in a simulation: items with their versions, reminders, messages and work items."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from schedules import guard, ladder
from schedules.facts import Class, Item, Need, Plan, State
from schedules.fields import Level
from schedules.guard import Situation, Verdict
from schedules.ladder import Hours, Step, Track
from schedules.visits import Asked, visits

BY_CALENDAR = frozenset(
    {"hold-review", "override-review", "phase-unfinished", "step-up-unfinished", "check-ins-missed"}
)
Key = tuple[Any, ...]  # course, clock, ordinal, and what else tells two apart


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
class WorkItem:
    key: Key
    kind: str
    level: Level
    role: str
    opened_at: datetime
    closed_at: datetime | None = None


class Book:
    """`now` only goes up: it is the moment of the newest decision."""

    def __init__(self, *, patient: Hours, staff: Hours, outages: Sequence[tuple[datetime, datetime]]) -> None:
        self.patient, self.staff, self.outages = patient, staff, outages
        self.tracked: dict[Key, Tracked] = {}
        self.reminders: list[tuple[Key, dict[str, Any]]] = []
        self.work: dict[Key, WorkItem] = {}
        self.messages: dict[tuple[str, datetime], int] = {}
        self.now = datetime.min.replace(tzinfo=UTC)

    def move(self, zone: ZoneInfo) -> None:
        """The patient's sending times are computed again in another zone."""
        self.patient = replace(self.patient, zone=zone)

    # ---- the plan's answer becomes rows

    def write(self, course: int, plan: Plan, now: datetime) -> None:
        for item in plan.items:
            self._write(course, item, now)
        for need in plan.needs:
            self._ask(course, need, now)

    def _write(self, course: int, item: Item, now: datetime) -> None:
        tracked = self.tracked.get((course, item.clock, item.ordinal))
        if tracked is None:
            tracked = Tracked(course=course, item=item, begins=now)
            self.tracked[tracked.key] = tracked
            return
        was, tracked.item = tracked.item, item
        closes, moves = was.class_ is None and item.class_ is not None, was.due_on != item.due_on
        if closes or moves:
            reason = f"closed: {item.class_}" if closes else "the due day changed"
            self._withdraw(tracked, was, reason=reason)
        if closes:
            self._close_work(tracked.key, now)
        if moves:
            tracked.version, tracked.begins, tracked.positions = tracked.version + 1, now, {}
        elif was.held and not item.held:
            tracked.begins = now

    def _withdraw(self, tracked: Tracked, was: Item, *, reason: str) -> None:
        late = was.kind == "check-in" and tracked.item.class_ is Class.MISSED
        for track in ladder.ladders()[was.ladder].tracks:
            step = self._waiting(tracked, was, track)
            if step is not None:
                outcome = "expired" if late else "withdrawn"
                self._record(tracked, track, step, outcome=outcome, reason=reason)

    def _waiting(self, tracked: Tracked, item: Item, track: Track) -> Step | None:
        after = tracked.positions.get(track, 0)
        hours = self._hours(track)
        return ladder.next_rung(item, track, hours=hours, begins=tracked.begins, after=after)

    def _ask(self, course: int, need: Need, now: datetime) -> None:
        key = (course, need.clock, need.ordinal, need.kind, need.on)
        if need.met_on is None:
            at = self.staff.next_from(now) if need.kind in BY_CALENDAR else now
            self.open(key, need.kind, level=need.level, role=need.role, at=at)
        elif key in self.work:
            self._shut(self.work[key], now)

    # ---- reminders

    def _hours(self, track: Track) -> Hours:
        return self.patient if track in ladder.PEOPLE else self.staff

    def send_until(self, end: datetime) -> None:
        """Decide, in the order of time, every rung whose moment comes before `end`."""
        while (coming := min(self._coming(), key=lambda found: found[:2], default=None)) is not None:
            if coming[0] >= end:
                break
            self.now = coming[0]
            self._climb(coming[2], coming[3])
        self.now = max(self.now, end)

    def _coming(self) -> Iterator[tuple[datetime, Key, Tracked, Track]]:
        for tracked in self.tracked.values():
            for track in tracked.tracks:
                step = self._waiting(tracked, tracked.item, track)
                if step is not None:
                    yield self._allowed(step.planned, track), (*tracked.key, track), tracked, track

    def _allowed(self, planned: datetime, track: Track) -> datetime:
        """The first moment, from now on, outside outages and quiet hours."""
        moment = max(planned, self.now)
        while True:
            later = max((b for a, b in self.outages if a <= moment < b), default=moment)
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
        decision = guard.decide(Situation(now=self.now, people=track in ladder.PEOPLE, hours=hours))
        assert decision.verdict is Verdict.SEND, "nothing but time keeps a simulated rung from going out"
        self._record(tracked, track, last, outcome="sent", reason=decision.reason, sent_at=self.now)
        rung = last.rung
        if rung.kind is not None and rung.level is not None and rung.role is not None:
            self.open((*tracked.key, rung.kind), rung.kind, level=rung.level, role=rung.role, at=self.now)

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
        row = {
            "course": course,
            "clock": clock,
            "ordinal": ordinal,
            "version": tracked.version,
            "rung": step.name,
            "audience": track,
            "local": f"{step.day}T{self._hours(track).at:%H:%M}",
            "send_at": utc(step.planned),
            "sent_at": utc(sent_at),
            "outcome": outcome,
            "reason": reason,
            "message": self._message(track, sent_at) if step.rung.effect == "message" else None,
        }
        order = (sent_at or step.planned, course, clock, ordinal, track, tracked.version, step.position)
        self.reminders.append((order, row))

    def _message(self, track: Track, sent_at: datetime | None) -> int | None:
        """Reminders of one person in the same quarter of an hour share a message."""
        if sent_at is None:
            return None
        return self.messages.setdefault((track, ladder.quarter(sent_at)), len(self.messages) + 1)

    # ---- work items

    def open(self, key: Key, kind: str, *, level: Level, role: str, at: datetime) -> None:
        """Open a work item; one with the same key is raised again, and stays as it was."""
        if key not in self.work:
            self.work[key] = WorkItem(key=key, kind=kind, level=level, role=role, opened_at=at)

    @staticmethod
    def _shut(work: WorkItem, now: datetime) -> None:
        work.closed_at = work.closed_at or now

    def _close_work(self, item: Key, now: datetime) -> None:
        for key, work in self.work.items():
            if key[:3] == item and len(key) == 4:
                self._shut(work, now)

    # ---- the answer

    def answer(self, until: date) -> dict[str, Any]:
        items = sorted(self.tracked.values(), key=lambda tracked: (tracked.item.due_on, *tracked.key))
        return {
            "items": [_item(tracked, until) for tracked in items],
            "reminders": [row for _, row in sorted(self.reminders, key=lambda found: found[0])],
            "work_items": [_work_item(w) for w in sorted(self.work.values(), key=lambda w: w.opened_at)],
            "visits": _visits(tracked for tracked in items if tracked.item.state(until) is not State.CLOSED),
        }


def _item(tracked: Tracked, until: date) -> dict[str, Any]:
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
        "state": item.state(until).value,
        "class": None if item.class_ is None else item.class_.value,
        "collected_on": None if item.collected_on is None else item.collected_on.isoformat(),
        "missing": list(item.missing),
        "why": item.why,
    }


def _work_item(work: WorkItem) -> dict[str, Any]:
    course, clock, ordinal = work.key[:3]
    return {
        "course": course,
        "clock": clock,
        "ordinal": ordinal,
        "kind": work.kind,
        "level": work.level,
        "role": work.role,
        "opened_at": utc(work.opened_at),
        "due_by": utc(work.opened_at + ladder.DUE_BY[work.level]),
        "closed_at": utc(work.closed_at),
    }


def _visits(tracked: Iterable[Tracked]) -> list[dict[str, Any]]:
    return [
        {
            "on": visit.on.isoformat(),
            "items": [
                {"course": asked.course, "clock": asked.item.clock, "ordinal": asked.item.ordinal}
                for asked in visit.items
            ],
            "components": list(visit.components),
        }
        for visit in visits(Asked(found.course, found.item) for found in tracked)
    ]


def utc(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
