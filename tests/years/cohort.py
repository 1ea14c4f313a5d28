"""Patients of one clinic live through years, a day at a time, by the flows that the API calls.

What is entered is kept beside the database too: in the end the plans and the figures must be those of it.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import batches, invariants
from db.batches import Key
from db.engine import reading, writing
from db.tables import Clinic, EndReason, Item, Message
from db.types import new_id
from schedules import days
from schedules.facts import Course, Draw, Event, EventType
from schedules.limits import convert
from schedules.protocol import Protocol
from service.api.contacts import Answer
from service.api.courses import CourseIn
from service.api.events import EventIn
from service.api.patients import PatientIn
from service.api.results import DrawIn
from service.channels import local
from service.clock import WoundClock
from service.errors import Problem
from service.flows import contacts, courses, draws, events, patients, reminders, upkeep, zones
from tests.years import people
from tests.years.people import A_YEAR, ZONES, Person

BY = "a simulated coordinator"
HELD_FOR = (10, 60)  # days


class Broken(AssertionError):
    """What must hold did not, and on which day."""


@dataclass(slots=True)
class Life:
    """What was entered of one course."""

    key: Key
    course: Course
    events: list[Event] = field(default_factory=list)
    held: bool = False
    ended: bool = False


@dataclass(slots=True)
class Chart:
    """What was entered of one patient, and what is to happen on which day."""

    key: Key
    person: Person
    contact: UUID
    zone: str
    lives: dict[UUID, Life] = field(default_factory=dict)
    draws: list[Draw] = field(default_factory=list)
    agenda: dict[date, list[Any]] = field(default_factory=lambda: defaultdict(list))
    reached: bool = True
    gone: bool = False


@dataclass(slots=True)
class Cohort:
    """`outage` is the share of days on which a stop of all sending begins."""

    engine: Engine
    seed: int
    begin: date
    size: int
    outage: float = 0.004
    clinic_id: UUID = field(default_factory=new_id)
    seen: set[tuple[UUID, int]] = field(default_factory=set)
    charts: dict[UUID, Chart] = field(default_factory=dict)
    did: Counter[str] = field(default_factory=Counter)
    silent_until: date = date.min
    clock: WoundClock = field(init=False)
    chance: random.Random = field(init=False)
    waiting: list[Person] = field(init=False)

    def __post_init__(self) -> None:
        self.clock = WoundClock(datetime.combine(self.begin, time(0, 10), UTC))
        self.chance = random.Random(self.seed)
        self.waiting = people.invent(self.seed * 100_000, self.size, self.chance, self.begin)
        row = {"id": self.clinic_id, "name": f"Clinic {self.seed}", "phone": "+1 202-555-0100"}
        row |= {"emergency_number": "911", "time_zone": "America/New_York", "created_at": self.clock()}
        with writing(self.engine) as session:
            batches.insert(session, Clinic, [row])

    def live(self, count: int) -> Iterator[date]:
        """So many days, each with every invariant at its end."""
        for number in range(count):
            today = self.begin + timedelta(days=number)
            self.day(today)
            with reading(self.engine) as session:
                if broken := invariants.broken(session):
                    raise Broken(f"{today}, cohort {self.seed}: {broken}")
            yield today

    def day(self, today: date) -> None:
        self.clock.wind(datetime.combine(today, time(0, 10), UTC))
        upkeep.tick(self.engine, self.clock)
        for person in [one for one in self.waiting if one.comes_on <= today]:
            self._come(person)
            self.waiting.remove(person)
        for chart in self.charts.values():
            if not chart.gone:
                self._act(chart, today)
        self._plan_ahead()
        if today >= self.silent_until and self.chance.random() < self.outage:
            self.silent_until = today + timedelta(days=self.chance.randint(1, 4))
            self.did["outage"] += 1
        if today >= self.silent_until:
            self._say(datetime.combine(today + timedelta(days=1), time(), UTC))

    def _say(self, end: datetime) -> None:
        """Let the loop tick at each moment of the day at which something is due."""
        messages = batches.table(Message)
        first = sa.select(sa.func.min(messages.c.send_at)).where(messages.c.state == sa.text("'waiting'"))
        while True:
            with reading(self.engine) as session:
                due = session.scalar(first)
            if due is None or due >= end:
                return
            self.clock.wind(max(due, self.clock()))
            self.did["messages"] += reminders.tick(self.engine, self.clock, local.channels())

    # ---- what happens

    @contextmanager
    def _entering(self, what: str) -> Iterator[Session]:
        """One request: what the service refuses is counted, and nothing of it is kept."""
        try:
            with writing(self.engine) as session:
                yield session
            self.did[what] += 1
        except Problem as refusal:
            if refusal.status not in (409, 422):
                raise
            self.did[f"{what}, refused"] += 1

    def _come(self, person: Person) -> None:
        said = PatientIn.model_validate(person.record)
        reached = [one.typed() for one in said.contacts]
        with writing(self.engine) as session:
            made = patients.create(session, self.clinic_id, said.typed(), reached, by=BY, now=self.clock())
        chart = Chart((self.clinic_id, made.row.id), person, made.contacts[0].id, person.zone)
        self.charts[made.row.id] = chart
        for protocol in person.protocols:
            self._begin(chart, protocol)

    def _begin(self, chart: Chart, protocol: Protocol) -> None:
        start = self._today(chart)
        indication = next(iter(protocol.indications), None)
        said = CourseIn.model_validate(
            {"protocol": protocol.id, "start": start.isoformat(), "indication": indication}
        )
        with self._entering("course") as session:
            found = courses.enrol(session, chart.key, said.typed(), by=BY, now=self.clock())
            chart.lives[found.facts.id] = Life(found.facts.key, found.facts.course)

    def _today(self, chart: Chart) -> date:
        return days.local_day(self.clock(), days.zone(chart.zone))

    def _act(self, chart: Chart, today: date) -> None:
        for what in sorted(A_YEAR):
            if self.chance.random() < A_YEAR[what] / 365:
                self._happen(chart, what, today)
        done: set[str] = set()
        for kind, life, *more in chart.agenda.pop(today, ()):
            if kind == "resume":
                self._event(chart, life, EventType.RESUME)
                life.held = False
            elif not life.ended:
                done |= self._keep(chart, life, kind, *more)
        if done and not chart.gone:
            self._draw(chart, done)

    def _happen(self, chart: Chart, what: str, today: date) -> None:
        lives = [life for life in chart.lives.values() if not life.ended]
        if chart.gone or not lives:
            return
        life = self.chance.choice(lives)
        match what:
            case "dose-increase" | "dose-decrease":
                self._event(chart, life, EventType(what))
            case "hold" if not life.held:
                self._hold(chart, life, today)
            case "stop" if not life.held:
                life.ended = self._event(chart, life, EventType.STOP, reason="better", decided_by="Dr Lund")
            case "move":
                self._move(chart)
            case "opt-out" | "opt-in":
                self._answer(chart, given=what == "opt-in")
            case "died":
                self._die(chart)

    def _hold(self, chart: Chart, life: Life, today: date) -> None:
        on = self._today(chart)
        why = self.chance.choice(("planned", "infection", "result"))
        review = on + timedelta(days=self.chance.randint(3, 28))
        life.held = self._event(chart, life, EventType.HOLD, reason=why, review_on=review)
        if life.held:
            chart.agenda[today + timedelta(days=self.chance.randint(*HELD_FOR))].append(("resume", life))

    def _move(self, chart: Chart) -> None:
        zone = self.chance.choice(ZONES)
        with self._entering("move") as session:
            zones.move(session, chart.key, zone, now=self.clock())
            chart.zone = zone

    def _answer(self, chart: Chart, *, given: bool) -> None:
        if given == chart.reached:
            return
        said = {"given": given, "at": self.clock().isoformat(), "source": "telephone"}
        with self._entering("consent") as session:
            key = self.clinic_id, chart.contact
            answer = Answer.model_validate(said).typed()
            contacts.answer(session, key, answer, by=BY, now=self.clock())
            chart.reached = given

    def _die(self, chart: Chart) -> None:
        with self._entering("died") as session:
            version = patients.chart(session, chart.key).row.version
            on, why = self._today(chart), EndReason.DIED
            said = {"on": on, "reason": why, "version": version, "confirmed": True}
            events.end(session, chart.key, **said, by=BY, now=self.clock())
        chart.gone = True
        for life in chart.lives.values():
            life.events.append(Event(on=on, type=EventType.DIED, recorded_at=self.clock()))

    def _event(self, chart: Chart, life: Life, kind: EventType, **more: Any) -> bool:
        """Whether the service took it."""
        on, before = self._today(chart), self.did[kind.value]
        said = EventIn.model_validate({"type": kind.value, "on": on.isoformat()} | _plain(more))
        with self._entering(kind.value) as session:
            events.record(session, life.key, said.typed(), by=BY, now=self.clock())
        if self.did[kind.value] == before:
            return False
        known = {"at": datetime.fromisoformat(more.pop("at"))} if "at" in more else {}
        life.events.append(Event(on=on, type=kind, recorded_at=self.clock(), **known, **more))
        return True

    # ---- what was due is done

    def _plan_ahead(self) -> None:
        """Everybody decides once for each open item, and again when its day has moved."""
        table = batches.table(Item)
        query = sa.select(table).where(table.c.class_.is_(None), table.c.clinic_id == self.clinic_id)
        with reading(self.engine) as session:
            rows = session.execute(query).all()
        for row in rows:
            if (row.id, row.version) not in self.seen and not row.held:
                self.seen.add((row.id, row.version))
                self._decide(row)

    def _decide(self, row: sa.Row) -> None:
        chart = self.charts[row.patient_id]
        life = chart.lives[row.course_id]
        today = self.clock().date()
        on = max(today + timedelta(days=1), chart.person.goes_on(row.due_on, self.chance))
        chart.agenda[on].append((row.kind, life, row.clock, row.id, row.version))

    def _keep(self, chart: Chart, life: Life, kind: str, clock: str, item_id: UUID, version: int) -> set[str]:
        """The components to be drawn; what is no test is entered at once."""
        if not self._is_open(item_id, version):
            return set()
        if kind == "test":
            return self._panel(chart, life, clock, item_id, version)
        if kind == "visit":
            at = datetime.combine(self._today(chart), time(10)).isoformat(timespec="minutes")
            self._event(chart, life, EventType.BOOKED, clock=clock, at=at)
            self._event(chart, life, EventType.ATTENDED, clock=clock)
        else:
            answer = EventType.ANSWERED if kind == "check-in" else EventType.ADMINISTERED
            self._event(chart, life, answer, clock=clock)
        return set()

    def _is_open(self, item_id: UUID, version: int) -> bool:
        table = batches.table(Item)
        query = sa.select(table.c.version).where(table.c.id == item_id, table.c.class_.is_(None))
        with reading(self.engine) as session:
            return bool(session.scalar(query) == version)

    def _panel(self, chart: Chart, life: Life, clock: str, item_id: UUID, version: int) -> set[str]:
        components = life.course.protocol.clock(clock).components
        if len(components) > 1 and self.chance.random() < chart.person.partly:
            again = self.clock().date() + timedelta(days=self.chance.randint(3, 21))
            chart.agenda[again].append(("test", life, clock, item_id, version))
            return set(self.chance.sample(sorted(components), len(components) // 2))
        return set(components)

    def _draw(self, chart: Chart, components: set[str]) -> None:
        on = self._today(chart)
        found = people.values(components, self.chance)
        said = DrawIn.model_validate({"collected_on": on.isoformat(), "values": found})
        before = self.did["draw"]
        with self._entering("draw") as session:
            draws.record(session, chart.key, said.typed(), by=BY, now=self.clock())
        if self.did["draw"] > before:
            figures = {one["analyte"]: convert(one["analyte"], one["value"], one["unit"]) for one in found}
            known = {"values": figures, "recorded_at": self.clock()}
            chart.draws.append(Draw(on=on, components=frozenset(figures), **known))


def _plain(said: dict[str, Any]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in said.items()}
