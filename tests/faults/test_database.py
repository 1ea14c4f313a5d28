"""The database is killed while workers send."""

from pathlib import Path

import pytest

from tests.faults import database, drives, lives, scenes

LONG = pytest.param(list(lives.KINDS) * 34, 5, marks=pytest.mark.long, id="510")


@pytest.mark.parametrize(("kinds", "kills"), [pytest.param(["asked"], 2, id="2"), LONG])
def test_H59_a_database_that_is_killed_under_load_loses_and_doubles_nothing(
    tmp_path: Path, kinds: list[str], kills: int
) -> None:
    with database.server() as server, scenes.stage(tmp_path, server.url) as stage:
        stage.prepare("postgresql", drives.MANY)
        for seed, kind in enumerate(kinds):
            outcome = database.killed_under_load(stage, server, kind, kills=kills, seed=seed)
            assert outcome.holds, outcome
            assert outcome.kills == kills
