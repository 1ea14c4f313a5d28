"""How often one request asks the database: each question is a journey there and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from tests.service.desk import Desk
from tests.service.operations import World
from tests.stories.conftest import Practice


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    asked: list[str] = []

    def keep(*given: Any) -> None:
        if not given[2].startswith(("PRAGMA", "BEGIN", "SET LOCAL")):
            asked.append(given[2])

    sa.event.listen(engine, "before_cursor_execute", keep)
    yield asked
    sa.event.remove(engine, "before_cursor_execute", keep)


def test_reading_a_patient_is_three_questions_and_an_entry(practice: Practice) -> None:
    desk = Desk(World(practice))
    desk.get(f"/patients/{desk.patient}")  # a key keeps its day of use
    with statements(desk.practice.engine) as asked:
        desk.get(f"/patients/{desk.patient}")
    whose_key, who, reached, entry = asked
    assert ("FROM api_key" in whose_key, "FROM patient" in who, "FROM contact" in reached) == (True,) * 3
    assert entry.startswith("INSERT INTO audit_entry")
