"""One cohort, from its first day to its last, in a process and a database of its own."""

import tempfile
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog

from db import migrations
from db.engine import make_engine
from tests.years import check
from tests.years.cohort import Cohort

BEGIN = date(2026, 1, 5)


def lead(told: Any, seed: int, size: int, count: int) -> Counter[str]:
    """One cohort, from its first day to its last; what happened in it."""
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{Path(folder) / 'cohort.sqlite3'}")
        sa.event.listen(engine, "connect", _for_once)
        migrations.upgrade(engine)
        cohort = Cohort(engine, seed, BEGIN, size)
        for _ in cohort.live(count):
            told.put(1)
        found = cohort.did + Counter({"items": check.same_items(cohort)})
        found.update({f"on time: {part}": n for part, n in check.figures(cohort)["on-time"].items()})
        engine.dispose()
    return found


def _for_once(connection: Any, _: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")  # the machine may fail: then it is begun again
