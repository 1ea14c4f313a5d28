"""Workers that are processes: many at once, one that dies taking over, a message that kills them all."""

from collections import Counter
from datetime import timedelta

import pytest

from db import batches
from db.engine import make_engine, reading
from db.tables import Attempt
from service.flows import doubts, reminders
from tests.faults import checker, lives, steps
from tests.faults.drives import DATABASES
from tests.faults.lives import Life, World
from tests.faults.scenes import POISON, Stage

CLAIM = ("claimed", "attempts written", "claim committed")


def attempts(world: World) -> Counter[object]:
    """How many of each message."""
    engine = make_engine(world.url)
    with reading(engine) as session:
        found = Counter(
            session.scalars(batches.table(Attempt).select().with_only_columns(Attempt.message_id))
        )
    engine.dispose()
    return found


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize(
    ("due", "batch"), [(300, 7), pytest.param(20_000, 500, marks=pytest.mark.long, id="20,000")]
)
def test_H03_three_processes_begin_each_message_once(
    stage: Stage, database: str, due: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lives, "PATIENCE", 1200.0)
    stage.prepare(database, ("ok",) * due)
    with stage.scene(database, ("ok",) * due, lives.IN_THE_HOUSE) as world:
        workers = [lives.begin(Life(world=world, batch=batch)) for _ in range(3)]
        assert [lives.end(worker) for worker in workers] == [lives.ENDED] * 3
        begun = attempts(world)
    assert len(begun) == due
    assert begun.total() == due


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("step", CLAIM)
def test_H09_who_dies_while_taking_over_is_taken_over_itself(stage: Stage, database: str, step: str) -> None:
    """Taking over is part of the claim: the third worker needs nothing but the lease to run out."""
    stage.prepare(database, ("ok", "ok"))
    with stage.scene(database, ("ok", "ok"), "key") as world:
        clock = lives.SharedClock(world.clock)
        for where in ("claim committed", step):
            assert lives.lead(Life(world=world, step=where, fate="kill")) == -steps.SIGNALS["kill"]
            clock.wind(reminders.LEASE + timedelta(seconds=5))
        assert lives.lead(Life(world=world)) == lives.ENDED
        assert len(world.letters) == 2


@pytest.mark.parametrize(
    ("database", "kind", "others"),
    [
        *(("sqlite", "key", 12), ("postgresql", "asked", 12)),
        *(("sqlite", "blind", 12), ("postgresql", lives.IN_THE_HOUSE, 12)),
        *(pytest.param("postgresql", kind, 1000, marks=pytest.mark.long) for kind in lives.KINDS),
    ],
)
def test_H10_a_message_that_kills_every_worker_is_taken_out_and_the_others_arrive(
    stage: Stage, database: str, kind: str, others: int
) -> None:
    addresses = ("ok",) * (others // 2) + (POISON,) + ("ok",) * (others - others // 2)
    stage.prepare(database, addresses)
    with stage.scene(database, addresses, kind) as world:
        clock, died = lives.SharedClock(world.clock), 0
        while lives.lead(Life(world=world, to_the_end=True, change=lives.dies_of_poison)) != lives.ENDED:
            died += 1
            assert died <= doubts.MOST_LIVES
            clock.wind(reminders.LEASE)
        counted = checker.check(world, len(addresses))
    assert died == (2 if kind == "blind" else doubts.MOST_LIVES)
    assert counted.told == 1
    if kind != lives.IN_THE_HOUSE:
        assert counted.taken == others
        assert (counted.lost, counted.doubled, counted.broken) == (0, 0, 0)
