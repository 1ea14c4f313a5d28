"""What was said, a page at a time, for the JSON and the page alike."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import outbox
from db.engine import reading
from db.outbox import Place
from db.tables import MessageState
from service.errors import Fault, Problem

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
CURSOR = re.compile(r"(\d{1,17})-([0-9a-f]{32})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    rows: tuple[sa.Row, ...]
    next: str | None  # the cursor of the page after; None on the last one


def page(engine: Engine, *, limit: int, cursor: str | None = None, clinic_id: UUID | None = None) -> Page:
    """Messages as they were said, the newest first. Problem when the cursor is none of ours."""
    after = None if cursor is None else _place(cursor)
    with reading(engine) as session:
        rows = tuple(outbox.page(session, limit=limit + 1, after=after, clinic_id=clinic_id))
    return Page(rows[:limit], _cursor(rows[limit - 1]) if len(rows) > limit else None)


def word(row: sa.Row) -> str:
    """How far a message is known to have come."""
    if row.state is MessageState.ACCEPTED and row.unconfirmed_at is not None:
        return "no confirmation"
    return str(row.state.value)


def _cursor(row: sa.Row) -> str:
    return f"{(row.accepted_at - EPOCH) // MICROSECOND}-{row.id.hex}"


def _place(cursor: str) -> Place:
    match = CURSOR.fullmatch(cursor)
    if match is None:
        fault = Fault("query.cursor", "use the cursor that the page before gave as its next")
        raise Problem(422, "The request is not valid.", errors=[fault])
    return Place(EPOCH + int(match[1]) * MICROSECOND, UUID(match[2]))
