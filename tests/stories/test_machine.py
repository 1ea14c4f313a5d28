"""Whatever happens in whatever order: said once, by day, and never after what forbids it.

A state machine lives over real rows: people enrol, are tested, held, moved, say STOP; sending is paused; the
clock is set; the provider takes, refuses, or leaves us in doubt. After every step the invariants are asked.
"""

from collections import Counter
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy.engine import Engine

from db import invariants
from db.engine import reading, writing
from db.tables import METADATA, Attempt, Channel, Contact, Patient
from schedules import days, library
from schedules.facts import EventType
from schedules.plan import EventRefused
from service.channels import Accepted, Answer, Capabilities, Letter, Rejected, Unknown
from service.clock import WoundClock
from service.errors import Refused
from service.flows import pauses, reminders, times, upkeep, zones
from tests.stories.conftest import Practice

PROTOCOLS = {name: library.protocol(name) for name in ("azathioprine-us-label", "azathioprine-bsr-2017")}
PANEL = sorted(
    {name for protocol in PROTOCOLS.values() for clock in protocol.clocks for name in clock.components}
)
ZONES = ["America/New_York", "Europe/London", "Pacific/Auckland", "Africa/Cairo", "Pacific/Honolulu"]
MOODS: dict[str, Answer] = {
    "takes": Accepted(), "refuses": Rejected("full", permanent=False),
    "never": Rejected("no such number", permanent=True), "doubt": Unknown("time-out"),
}  # fmt: skip
START = datetime(2026, 3, 2, 15, tzinfo=UTC)
WHO = st.integers(0, 2)


class Provider:
    """Honours our key: what it takes twice under one key arrives once."""

    capabilities = Capabilities(honours_key=True)

    def __init__(self, clock: WoundClock) -> None:
        self.clock, self.mood = clock, "takes"
        self.taken: dict[UUID, datetime] = {}
        self.begun: list[tuple[UUID, datetime]] = []

    def send(self, letter: Letter) -> Answer:
        self.begun.append((letter.key, self.clock()))
        if self.mood in ("takes", "doubt"):
            self.taken.setdefault(letter.key, self.clock())
        return MOODS[self.mood]

    def look_up(self, key: UUID) -> Answer | None:
        return None


def is_open(item: Any, patient: UUID) -> bool:
    return bool(item.class_ is None and item.patient_id == patient)


class Life(RuleBasedStateMachine):
    engine: Engine
    calls = 0  # of the provider, in all lives

    def __init__(self) -> None:
        super().__init__()
        empty(self.engine)
        self.practice = Practice(self.engine, WoundClock(START), clinic_id=uuid4())
        self.practice.open("America/New_York")
        self.provider = Provider(self.practice.clock)
        self.practice.channels = dict(self.practice.channels) | {Channel.SMS: self.provider}
        self.people: list[UUID] = []
        self.said: dict[UUID, datetime] = {}
        self.stopped: set[UUID] = set()
        self.faults: list[str] = []

    # ---- what happens

    @precondition(lambda self: len(self.people) < 3)
    @rule(zone=st.sampled_from(ZONES), protocol=st.sampled_from(sorted(PROTOCOLS)), ago=st.integers(0, 40))
    def enrol(self, zone: str, protocol: str, ago: int) -> None:
        patient = self.practice.patient(time_zone=zone)
        self.practice.contact(patient)
        self.practice.course(patient, PROTOCOLS[protocol], self.today(zone) - timedelta(days=ago))
        self.people.append(patient)

    @precondition(lambda self: self.people)
    @rule(who=WHO, part=st.booleans())
    def result(self, who: int, part: bool) -> None:
        patient = self.people[who % len(self.people)]
        on = self.today(self.row(patient).time_zone)
        self.practice.draw(patient, on, set(PANEL[: len(PANEL) // 2] if part else PANEL))

    @precondition(lambda self: self.people)
    @rule(who=WHO, kind=st.sampled_from(["hold", "resume", "dose-increase"]))
    def event(self, who: int, kind: str) -> None:
        patient = self.people[who % len(self.people)]
        held = any(row.held for row in self.practice.items if row.patient_id == patient)
        if (kind == "resume") != held:
            return
        [course] = {row.course_id for row in self.practice.items if row.patient_id == patient}
        on = self.today(self.row(patient).time_zone)
        with suppress(EventRefused):
            self.practice.learn(patient, events=[{"course_id": course, "on": on, "type": EventType(kind)}])

    @precondition(lambda self: self.people)
    @rule(who=WHO, zone=st.sampled_from(ZONES))
    def move_zone(self, who: int, zone: str) -> None:
        patient = self.people[who % len(self.people)]
        with writing(self.engine) as session:
            zones.move(session, (self.practice.clinic_id, patient), zone, now=self.practice.clock())

    @precondition(lambda self: self.people)
    @rule(who=WHO, given=st.booleans())
    def consent(self, who: int, given: bool) -> None:
        patient = self.people[who % len(self.people)]
        self.practice.clock.wind(self.practice.clock() + timedelta(seconds=1))
        if given:
            self.practice.contact(patient)
            self.stopped.discard(patient)
        else:
            self.stopped.add(patient)
            for row in self.practice.rows(Contact):
                if row.patient_id == patient:
                    self.practice.withdraw_consent(patient, row.id)

    @rule(on=st.booleans())
    def pause(self, on: bool) -> None:
        with writing(self.engine) as session:
            those = pauses.named(session, None)
            now, until = self.practice.clock(), self.practice.clock() + timedelta(days=3)
            try:
                if on:
                    pauses.begin(session, those, by="Kim", reason="drill", until=until, now=now)
                else:
                    pauses.end(session, those, by="Kim", now=now)
            except Refused:
                return

    @rule(mood=st.sampled_from(list(MOODS)))
    def provider_mood(self, mood: str) -> None:
        self.provider.mood = mood

    @rule(hours=st.sampled_from([1, 5, 24, 80]))
    def tick(self, hours: int) -> None:
        end = self.practice.clock() + timedelta(hours=hours)
        while self.practice.clock() < end:
            self.practice.clock.wind(self.practice.clock() + timedelta(hours=min(hours, 2)))
            self.work()

    @rule(seconds=st.sampled_from([-10_800, -61, -1, 1, 61, 10_800, 400_000]))
    def jump_clock(self, seconds: int) -> None:
        self.practice.clock.wind(self.practice.clock() + timedelta(seconds=seconds))
        if abs(seconds) > 60:
            times.set_right(self.engine, self.practice.clock, jumped=True)
        self.work()

    @rule()
    def restart(self) -> None:
        zones.follow(self.engine, self.practice.clock)
        times.set_right(self.engine, self.practice.clock, jumped=False)
        self.work()

    def work(self) -> None:
        upkeep.tick(self.engine, self.practice.clock)
        before, allowed = len(self.provider.begun), self.allowed()
        closed = {row.id for row in self.practice.items if row.class_ is not None}
        reminders.tick(self.engine, self.practice.clock, self.practice.channels)
        about = {row.id: row.patient_id for row in self.practice.messages}
        begun = {key for key, _ in self.provider.begun[before:]}
        self.faults += [why for key in begun if (why := allowed[about[key]]) is not None]
        said = [row for row in self.practice.reminders if row.message_id in begun]
        live_ = {row.message_id for row in said if row.item_id not in closed}
        self.faults += ["only closed items" for key in begun if key not in live_]
        type(self).calls += len(begun)

    # ---- what must hold

    def allowed(self) -> dict[UUID, str | None]:
        """Why nothing may be sent to a patient now: night where the patient is, STOP, a pause."""
        now, found = self.practice.clock(), dict[UUID, str | None]()
        paused = self.is_paused(now)
        for patient in self.people:
            row = self.row(patient)
            quiet = days.QuietHours(row.quiet_start, row.quiet_end)
            night = quiet.contain(now.astimezone(days.zone(row.time_zone)).time())
            held = all(item.held for item in self.practice.items if is_open(item, patient))
            reasons = {"night": night, "paused": paused, "STOP": patient in self.stopped, "held": held}
            found[patient] = next((why for why, so in reasons.items() if so), None)
        return found

    def is_paused(self, now: datetime) -> bool:
        with reading(self.engine) as session:
            return bool(pauses.pauses.lasting(session, now=now))

    def today(self, zone: str) -> Any:
        return days.local_day(self.practice.clock(), days.zone(zone))

    def row(self, patient: UUID) -> Any:
        return next(row for row in self.practice.rows(Patient) if row.id == patient)

    @invariant()
    def nothing_is_broken(self) -> None:
        with reading(self.engine) as session:
            assert invariants.broken(session) == {}
        assert self.faults == []

    @invariant()
    def nothing_is_said_twice_or_too_early(self) -> None:
        rows = [row for row in self.practice.reminders if row.state == "sent" and row.track == "patient"]
        rungs = Counter((row.item_id, row.version, row.rung) for row in rows)
        assert set(rungs.values()) <= {1}
        assert all(row.decided_at >= row.send_at for row in rows)
        for row in rows:
            assert self.said.setdefault(row.id, row.decided_at) == row.decided_at, "it was un-sent"

    def teardown(self) -> None:
        """In the end nothing that is due is left lying, once the provider takes it and a week has passed."""
        self.provider.mood = "takes"
        for _ in range(12):
            self.practice.clock.wind(self.practice.clock() + timedelta(hours=14))
            self.work()
        self.nothing_is_broken()
        self.nothing_is_said_twice_or_too_early()
        keys = Counter(row.message_id for row in self.practice.rows(Attempt) if row.state == "accepted")
        assert set(keys.values()) <= {1}


def empty(engine: Engine) -> None:
    with writing(engine) as session:
        for table in reversed(METADATA.sorted_tables):
            session.execute(table.delete())


def live(engine: Engine, *, examples: int, steps: int) -> None:
    life = type("LifeHere", (Life,), {"engine": engine})
    given = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, database=None,
        suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate],
        derandomize=examples < 100,
    )  # fmt: skip
    run_state_machine_as_test(life, settings=given)
    assert life.calls > examples, "something was said in most lives"


def test_H06_H27_H30_H31_H66_whatever_happens_each_is_said_once_and_by_day(engine: Engine) -> None:
    live(engine, examples=5, steps=20)


@pytest.mark.long
def test_H06_H27_H30_H31_H66_whatever_happens_for_long(engine: Engine) -> None:
    live(engine, examples=300, steps=50)
