"""A sample of the kill harness; the whole of it is `python tests/faults/run.py --all`."""

from itertools import product

import pytest

from tests.faults import drives, lives, scenes, steps
from tests.faults.drives import DATABASES, Cell
from tests.faults.scenes import Stage

KINDS = tuple(lives.KINDS)


def sample() -> list[Cell]:
    """Every step, channel, fate and database, but not each with each."""
    turns = enumerate(steps.STEPS)
    return [Cell(DATABASES[n % 2], KINDS[n % 3], steps.FATES[n // 3 % 3], step) for n, step in turns]


@pytest.mark.parametrize("cell", sample(), ids=str)
def test_nothing_is_lost_or_doubled_whatever_becomes_of_a_worker(stage: Stage, cell: Cell) -> None:
    holds(stage, cell)


@pytest.mark.parametrize(("database", "kind"), [("sqlite", "asked"), ("postgresql", "key")])
def test_workers_killed_at_random_moments_lose_and_double_nothing(
    stage: Stage, database: str, kind: str
) -> None:
    stage.prepare(database, drives.MANY)
    outcome = drives.storm(stage, database, kind, seed=1, rounds=2)
    assert outcome.holds, outcome
    assert outcome.kills


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize(("kind", "step"), [("asked", "taken"), ("blind", "answered")])
def test_H01_a_worker_killed_before_it_knows_the_outcome(
    stage: Stage, database: str, kind: str, step: str
) -> None:
    holds(stage, Cell(database, kind, "kill", step))


@pytest.mark.parametrize("kind", KINDS)
def test_H02_a_lost_response_doubles_nothing(stage: Stage, kind: str) -> None:
    """The provider took it and broke off, or hung: with one try, and with a worker that dies of nothing."""
    addresses = ("reset", "hang", "reset", "ok")
    stage.prepare("sqlite", addresses)
    outcome = drives.in_peace(stage, "sqlite", kind, addresses)
    assert outcome.holds, outcome
    assert outcome.count.doubts >= 3
    assert outcome.count.told == 0
    assert outcome.count.repeated == (3 if kind == "blind" else 0)


@pytest.mark.parametrize("step", ["rendered", "connecting", "outcome written"])
def test_H04_who_is_stopped_past_its_lease_writes_nothing(stage: Stage, step: str) -> None:
    holds(stage, Cell("postgresql", "asked", "stop", step))


def test_the_grid_is_every_step_with_every_channel_fate_and_database() -> None:
    whole = {(cell.database, cell.kind, cell.fate, cell.step) for cell in drives.grid()}
    assert whole == set(product(DATABASES, KINDS, steps.FATES, steps.STEPS))
    assert len(whole) == 432


def holds(stage: Stage, cell: Cell) -> None:
    stage.prepare(cell.database, scenes.FEW)
    outcome = drives.one_fate(stage, cell)
    assert outcome.holds, outcome
