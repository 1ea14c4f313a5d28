"""What is done to the workers of a scene: one fate at one step, or kills at random moments under load."""

import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import product
from typing import Any

from db import invariants
from db.engine import make_engine, reading
from service.flows import reminders
from tests.faults import checker, lives, scenes, steps
from tests.faults.checker import Count
from tests.faults.lives import Life, World
from tests.faults.scenes import Stage

PAST_THE_LEASE = reminders.LEASE + timedelta(seconds=1)
DATABASES = ("sqlite", "postgresql")
MANY = ("ok", "ok", "ok", "ok", "500", "429", "reset", "ok") * 8
SMALL = 16  # messages to a batch under load, so that a life has many moments
WORKERS = {"sqlite": 1, "postgresql": 3}
LONGEST = 0.8  # of a life that is killed at random, in seconds
NEVER = 0x100  # the exit code of nobody
KILLS = 6  # rounds of a scene, before the last life


@dataclass(frozen=True, slots=True)
class Cell:
    database: str
    kind: str
    fate: str
    step: str

    def __str__(self) -> str:
        return f"{self.database}, {self.kind}, {self.fate}, {self.step}"


@dataclass(slots=True)
class Outcome:
    """What was seen in one scene."""

    name: str
    count: Count = field(default_factory=Count)
    lives: int = 0
    kills: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return self.count.holds and not self.wrong


def grid() -> Iterator[Cell]:
    for database, kind, fate, step in product(DATABASES, lives.KINDS, steps.FATES, steps.STEPS):
        yield Cell(database, kind, fate, step)


def one_fate(stage: Stage, cell: Cell) -> Outcome:
    """A life meets its fate, clean ones go on until nothing is to come, and the ledger is compared."""
    outcome, began = Outcome(str(cell)), time.monotonic()
    with stage.scene(cell.database, scenes.FEW, cell.kind) as world:
        life = Life(world=world, step=cell.step, fate=cell.fate)
        if cell.fate == "stop":
            _stopped(outcome, life)
        else:
            expected = {"kill": -steps.SIGNALS["kill"], "cut": lives.MET}[cell.fate]
            _lead(outcome, life, expected)
            lives.let_arrive(world)
        _lead(outcome, Life(world=world, to_the_end=True), lives.ENDED)
        outcome.count = checker.check(world, len(scenes.FEW))
    outcome.seconds = time.monotonic() - began
    return outcome


def _stopped(outcome: Outcome, life: Life) -> None:
    """It stands still past its lease while another works, then goes on as if nothing had been."""
    process = lives.begin(life)
    if not lives.wait_until_stopped(process):
        _after(outcome, life.world, lives.end(process), NEVER)
        return
    lives.let_arrive(life.world)
    clock = lives.SharedClock(life.world.clock)
    clock.wind(PAST_THE_LEASE)
    _lead(outcome, Life(world=life.world, may_fail=True), lives.ENDED)
    lives.go_on(process)
    by_itself = life.step not in steps.AT_THE_PROVIDER
    _after(outcome, life.world, lives.end(process), lives.MET if by_itself else lives.ENDED)


def _lead(outcome: Outcome, life: Life, expected: int) -> None:
    _after(outcome, life.world, lives.lead(life), expected)


def _after(outcome: Outcome, world: World, code: int, expected: int) -> None:
    outcome.lives += 1
    if code != expected:
        outcome.wrong.append(f"a life ended with {code}, not {expected}")
    engine = make_engine(world.url)
    with reading(engine) as session:
        outcome.wrong += list(invariants.broken(session))
    engine.dispose()


def storm(stage: Stage, database: str, kind: str, seed: int, *, rounds: int = KILLS) -> Outcome:
    """Workers under load are killed at random moments, again and again; a last life ends in peace."""
    luck, outcome = random.Random(seed), Outcome(f"{database}, {kind}, seed {seed}")
    with stage.scene(database, MANY, kind) as world:
        clock = lives.SharedClock(world.clock)
        for _ in range(rounds):
            _killed_together(outcome, world, luck, WORKERS[database])
            lives.let_arrive(world)
            clock.wind(luck.choice((timedelta(seconds=2), PAST_THE_LEASE)))
        _lead(outcome, Life(world=world, to_the_end=True), lives.ENDED)
        outcome.count = checker.check(world, len(MANY))
    return outcome


def _killed_together(outcome: Outcome, world: World, luck: random.Random, workers: int) -> None:
    """All are gone before the clock is wound: nobody's lease runs out while it works."""
    begun = [ready(Life(world=world, batch=SMALL)) for _ in range(workers)]
    delays = sorted((lives.random_delay(luck, LONGEST), n) for n in range(workers))
    since = time.monotonic()
    for delay, n in delays:
        time.sleep(max(0.0, since + delay - time.monotonic()))
        begun[n].kill()
    for process in begun:
        killed = lives.end(process) == -steps.SIGNALS["kill"]
        outcome.kills += killed
        _after(outcome, world, 0, 0)


def ready(life: Life) -> Any:
    """A life whose loops are about to begin."""
    ours, its = lives.SERVER.Pipe(duplex=False)
    process = lives.begin(replace(life, ready=its))
    ours.poll(lives.PATIENCE)
    return process


def in_peace(stage: Stage, database: str, kind: str, addresses: Sequence[str]) -> Outcome:
    """One life that nothing befalls but what the provider does."""
    outcome = Outcome(f"{database}, {kind}, in peace")
    with stage.scene(database, addresses, kind) as world:
        _lead(outcome, Life(world=world, to_the_end=True), lives.ENDED)
        outcome.count = checker.check(world, len(addresses))
    return outcome
