"""A short life of a small cohort, and that the checks at its end can fail."""

from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import batches
from db.engine import writing
from db.tables import Item
from tests.years import check, people
from tests.years.cohort import Broken, Cohort


def a_cohort(engine: Engine, monkeypatch: pytest.MonkeyPatch, *, size: int) -> Cohort:
    """Everybody comes in the first week, and much happens."""
    monkeypatch.setattr(people, "WITHIN", 7)
    monkeypatch.setattr("tests.years.cohort.A_YEAR", {what: 2.0 for what in people.A_YEAR})
    return Cohort(engine, 3, date(2026, 2, 20), size, outage=0.05)


def test_what_is_written_is_the_plan_of_what_was_entered_and_so_counted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    cohort = a_cohort(engine, monkeypatch, size=6)
    for _ in cohort.live(50):
        pass
    assert cohort.did["draw"] > 5
    assert cohort.did["messages"] > 10
    assert check.same_items(cohort) > 10
    assert sum(check.figures(cohort)["on-time"].values()) > 5


def test_an_item_that_nobody_planned_is_found(raw_engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    cohort = a_cohort(raw_engine, monkeypatch, size=2)
    for _ in cohort.live(12):
        pass
    table = batches.table(Item)
    with writing(raw_engine) as session:
        session.execute(sa.update(table).where(table.c.class_.is_(None)).values(due_on=date(2026, 12, 24)))
    with pytest.raises(Broken, match="items and plans differ"):
        check.same_items(cohort)
