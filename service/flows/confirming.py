"""A number may be a stranger's by now: after 180 days somebody asks whether it is still the patient's.

Whoever has an address of which nothing was said for so long is one routine work item, once in that time; a
new answer to the consent of each address ends it. Messages go on meanwhile: they say nothing to a stranger.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import confirming, work_items
from db.batches import Key
from db.engine import reading, writing
from schedules import ladder

AFTER = timedelta(days=180)
BATCH = 200
KIND, ROLE = confirming.KIND, "coordinator"
CONFIRMED = "every address was confirmed"


def tick(engine: Engine, *, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
    """Ask for all that are due, a batch at a time while `go_on` says so; how many patients they are."""
    asked = 0
    while True:
        with reading(engine) as session:
            rows = confirming.silent(session, since=now - AFTER, limit=BATCH)
        if rows:
            with writing(engine) as session:
                work_items.raise_(session, [_work_item(row, now) for row in rows], now=now)
        asked += len(rows)
        if len(rows) < BATCH or not go_on():
            return asked


def settle(session: Session, keys: Sequence[Key], *, now: datetime) -> None:
    """Nobody need ask about these patients whose every address was answered for."""
    left = {row.patient_id for row in confirming.silent(session, since=now - AFTER, of=keys)}
    over = [(clinic_id, _key(id_)) for clinic_id, id_ in keys if id_ not in left]
    work_items.finish(session, over, outcome=CONFIRMED, now=now)


def _key(patient_id: object) -> str:
    return f"{KIND}/{patient_id}"


def _work_item(row: sa.Row, now: datetime) -> dict[str, Any]:
    owner = {
        "clinic_id": row.clinic_id,
        "patient_id": row.patient_id,
        "kind": KIND,
        "key": _key(row.patient_id),
    }
    asked = {"level": "routine", "role": ROLE, "due_by": now + ladder.DUE_BY["routine"]}
    said = f"Nothing was said of an address since {row.at:%Y-%m-%d}: ask whether it is still the patient's"
    return owner | asked | {"about": f"{said}, and enter the answer to its consent."}
