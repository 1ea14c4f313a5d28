"""Clocks that disagree, and clocks that are set: nobody sends early, twice or never; no loop sleeps on."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from apscheduler.schedulers import base
from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from db import messages
from db.engine import writing
from db.tables import Channel
from schedules import library
from service import clock
from service.channels import local
from service.clock import Jumps, WoundClock
from service.flows import health, reminders, times, upkeep
from service.flows.times import Times
from service.worker import Worker
from tests.service.conftest import NOW, beat
from tests.service.test_worker import beats, eventually, running
from tests.stories.conftest import Practice
from tests.stories.drill import Recorder, busy, moment

PROTOCOL = library.protocol("azathioprine-us-label")
TEN_MINUTES = timedelta(minutes=10)
SKEWED = (
    "The clock of {} is {} seconds {} the database's: set it right; until then that process sends nothing."
)


class Machine:
    """A wall clock and an even one beside it, which a test sets and winds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds, self.by = 1000.0, timedelta(0)
        monkeypatch.setattr(clock, "seconds", lambda: self.seconds)

    def tell(self) -> datetime:
        return NOW + timedelta(seconds=self.seconds) + self.by

    def pass_(self, **long: float) -> None:
        self.seconds += timedelta(**long).total_seconds()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


# ---- H05: clocks that disagree


def test_H05_how_far_a_machines_clock_is_ahead(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert abs(clock.ahead(engine)) < timedelta(seconds=2)
    whole = clock.machine
    for off in (-TEN_MINUTES, TEN_MINUTES):
        monkeypatch.setattr(clock, "machine", lambda off=off: whole() + off)
        there = timedelta(0) if engine.dialect.name == "sqlite" else off
        assert abs(clock.ahead(engine) - there) < timedelta(seconds=2)


def test_H05_three_workers_ten_minutes_apart_send_all_that_was_planned_once_and_on_time(
    practice: Practice, machine: Machine
) -> None:
    """A day of ticks every five minutes: who is off by ten minutes leaves all to the one that is right."""
    recorder = Recorder()
    practice.channels = dict.fromkeys(practice.channels, recorder)
    busy(practice)
    practice.clock.wind(moment(11, 5))  # midnight at the clinic
    offs = (-TEN_MINUTES, timedelta(0), TEN_MINUTES)
    workers = [Times(practice.engine, practice.clock, f"{off}", lambda off=off: off) for off in offs]
    handled = Counter[str]()
    while practice.clock() < moment(12, 5):
        for off, worker in zip(offs, workers, strict=True):
            if worker.in_order():
                handled[str(off)] += reminders.tick(practice.engine, practice.clock, practice.channels)
        machine.pass_(minutes=5)
        practice.clock.wind(practice.clock() + timedelta(minutes=5))
    sent = [row for row in practice.reminders if row.state == "sent"]
    assert sent == [row for row in practice.reminders if row.send_at < moment(12, 5)]
    assert len(recorder.letters) == len({letter.key for letter in recorder.letters}) == len(sent) > 2
    assert all(timedelta(0) <= row.decided_at - row.send_at < timedelta(minutes=5) for row in sent)
    assert set(handled) == {str(timedelta(0))}


@pytest.mark.parametrize(
    ("seconds", "claims", "warns"), [(1, True, False), (-3, True, True), (30, True, True), (-31, False, True)]
)
def test_H05_two_seconds_are_said_and_half_a_minute_stops(
    engine: Engine, machine: Machine, monkeypatch: pytest.MonkeyPatch, seconds: int, claims: bool, warns: bool
) -> None:
    said: list[dict[str, Any]] = []
    log = SimpleNamespace(warning=lambda event, **given: said.append(given))
    monkeypatch.setattr(times, "log", log)
    found = Times(engine, machine.tell, "ward:1", lambda: timedelta(seconds=seconds))
    assert found.in_order() is claims
    assert said == ([{"ahead_seconds": seconds, "claims": claims}] if warns else [])


def test_H05_a_worker_that_is_off_is_not_ready_and_goes_on_when_it_is_right(
    practice: Practice, client: TestClient, machine: Machine
) -> None:
    offs = [timedelta(minutes=-10)]
    found = Times(practice.engine, practice.clock, "ward:1", lambda: offs[-1])
    assert not found.in_order()
    beat(practice)
    answer = client.get("/health/ready")
    assert (answer.status_code, answer.json()["detail"]) == (503, SKEWED.format("ward:1", 600, "behind"))
    offs.append(timedelta(0))
    machine.pass_(seconds=59)
    assert not found.in_order()
    machine.pass_(seconds=1)
    assert found.in_order()
    assert client.get("/health/ready").status_code == 200


def test_H05_what_a_dead_process_said_of_its_clock_is_forgotten(practice: Practice, machine: Machine) -> None:
    Times(practice.engine, practice.clock, "ward:1", lambda: timedelta(hours=1)).in_order()
    for ago, reasons in ((90, [SKEWED.format("ward:1", 3600, "ahead of")]), (91, [])):
        seen = health.look(practice.engine, now=practice.clock() + timedelta(seconds=ago))
        assert [reason for reason in seen.reasons if "clock" in reason] == reasons


def test_H05_a_worker_that_is_off_does_not_tick(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "ahead", lambda engine: timedelta(minutes=10))
    with running(engine, WoundClock(NOW)):
        eventually(lambda: beats(engine) == {health.CLOCK})


# ---- H06: a clock that is set


def test_H06_a_jump_is_what_did_not_pass(machine: Machine) -> None:
    jumps = Jumps(machine.tell)
    assert jumps.look() is None
    machine.pass_(hours=5)
    assert jumps.look() == timedelta(0)
    machine.by = timedelta(hours=-3)
    machine.pass_(seconds=5)
    assert jumps.look() == timedelta(hours=-3)
    jumps.forget()
    assert jumps.look() is None


@pytest.mark.parametrize(
    ("by", "plans"), [(0, 0), (60, 0), (61, 1), (-60, 0), (-61, 1), (400 * 86_400, 1), (-400 * 86_400, 1)]
)
def test_H06_after_a_jump_of_a_minute_there_is_a_planning_pass_before_any_claim(
    engine: Engine, machine: Machine, monkeypatch: pytest.MonkeyPatch, by: int, plans: int
) -> None:
    passes: list[int] = []
    monkeypatch.setattr(upkeep, "tick", lambda *_: passes.append(1))
    found = Times(engine, machine.tell, "ward:1", timedelta)
    assert found.in_order()
    assert passes == [1], "at the start nobody knows how long nobody looked"
    machine.pass_(seconds=5)
    machine.by = timedelta(seconds=by)
    assert found.in_order()
    assert len(passes) == 1 + plans


def test_H06_a_planning_pass_that_fails_is_made_again(
    engine: Engine, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    monkeypatch.setattr(upkeep, "tick", lambda *_: passes.append(1) or 1 / len(passes[1:]))
    found = Times(engine, machine.tell, "ward:1", timedelta)
    with pytest.raises(ZeroDivisionError):
        found.in_order()
    assert found.in_order()
    assert len(passes) == 2


@pytest.mark.parametrize("hours", [-3, 3, -9600, 9600])
def test_H06_the_loops_tick_on_when_the_wall_clock_is_set(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Set back by three hours, APScheduler itself would sleep for three hours."""
    by, real = [timedelta(0)], clock.machine
    monkeypatch.setattr(clock, "machine", lambda: real() + by[-1])
    wound = SimpleNamespace(now=lambda zone: (real() + by[-1]).astimezone(zone))
    monkeypatch.setattr(base, "datetime", wound)
    ticks: list[int] = []
    monkeypatch.setattr(upkeep, "tick", lambda *_, **__: ticks.append(1) or 0)
    loops = Worker(engine, WoundClock(NOW), local.channels(), reminders_every=3600, upkeep_every=0.1)
    loops.start()
    try:
        eventually(lambda: len(ticks) >= 3)
        by.append(timedelta(hours=hours))
        seen = len(ticks)
        eventually(lambda: len(ticks) >= seen + 4)
    finally:
        loops.stop()


def test_H06_a_lease_does_not_outlast_a_clock_that_was_set_back(practice: Practice) -> None:
    """Its worker died; three hours back the message would lie for three hours."""
    claim_one(practice)
    practice.clock.wind(practice.clock() - timedelta(hours=3))
    times.set_right(practice.engine, practice.clock, jumped=False)
    assert claim_again(practice, timedelta(seconds=59)) == 0
    assert claim_again(practice, timedelta(seconds=1)) == 1


def test_H06_a_jump_forward_takes_no_message_out_of_its_workers_hands(practice: Practice) -> None:
    claim_one(practice)
    practice.clock.wind(practice.clock() + timedelta(hours=3))
    times.set_right(practice.engine, practice.clock, jumped=True)
    assert claim_again(practice, timedelta(seconds=59)) == 0
    assert claim_again(practice, timedelta(seconds=1)) == 1


def claim_one(practice: Practice) -> None:
    patient = practice.patient()
    practice.contact(patient)
    practice.plan(practice.course(patient, PROTOCOL, date(2026, 1, 5)))
    practice.clock.wind(datetime(2026, 1, 11, 14, tzinfo=UTC))
    with writing(practice.engine) as session:
        found = messages.claim(session, now=practice.clock(), limit=9, lease=reminders.LEASE)
        assert [message.channel for message in found] == [Channel.OUTBOX]


def claim_again(practice: Practice, later: timedelta) -> int:
    practice.clock.wind(practice.clock() + later)
    with writing(practice.engine) as session:
        found = messages.claim(session, now=practice.clock(), limit=9, lease=reminders.LEASE)
        session.rollback()
    return sum(message.attempts > 1 for message in found)
