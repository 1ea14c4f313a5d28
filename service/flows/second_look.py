"""Every night each check-in is judged again: what differs from what was acted on is a person's, that day.

The place is this process's own: who starts begins afresh, and several who look say one thing once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import check_ins, work_items
from db.batches import Values
from db.check_ins import Place
from db.engine import reading, writing
from schedules import ladder, library, triage
from schedules.fields import Level
from schedules.triage import Assessment, Context, Given
from service.flows.check_ins import ROLE, evaluate

AT = timedelta(hours=2)  # into the day, in UTC: a product choice
BATCH = 500
KIND = "check-in-differs"
LEVEL: Level = "same-day"


@dataclass(frozen=True, slots=True)
class Difference:
    """A check-in that was acted on as another level than its answers have, or of which nobody was told."""

    row: sa.Row
    level: Level
    unasked: bool

    @property
    def key(self) -> tuple[UUID, str]:
        return self.row.clinic_id, f"{KIND}/{self.row.id}/{self.level}"

    @property
    def sentence(self) -> str:
        if self.unasked:
            return f"The check-in of {self.row.at:%Y-%m-%d %H:%M} UTC is {self.row.level}, and asked nobody."
        came = f"The check-in of {self.row.at:%Y-%m-%d %H:%M} UTC was acted on as {self.row.level}"
        return f"{came}; judged again its answers are {self.level}: read them."


@dataclass(slots=True)
class SecondLook:
    engine: Engine
    _night: date | None = field(default=None, init=False)
    _last: Place | None = field(default=None, init=False)

    def tick(self, *, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
        """Go on with tonight's look, a batch at a time while `go_on` says so; how many differed."""
        night, found = (now - AT).date(), 0
        while self._night != night:
            with reading(self.engine) as session:
                rows = check_ins.after(session, self._last, limit=BATCH)
                new = _unknown(session, list(_differing(session, rows)))
            if new:
                with writing(self.engine) as session:
                    work_items.raise_(session, [_work_item(one, now) for one in new], now=now)
            found += len(new)
            self._last = (rows[-1].at, rows[-1].id) if len(rows) == BATCH else None
            self._night = self._night if self._last else night
            if not go_on():
                break
        return found


def differing(session: Session) -> list[UUID]:
    """Every check-in that is acted on otherwise than its answers ask."""
    found: list[UUID] = []
    last: Place | None = None
    while rows := check_ins.after(session, last, limit=BATCH):
        found += [one.row.id for one in _differing(session, rows)]
        last = rows[-1].at, rows[-1].id
    return found


def _differing(session: Session, rows: Sequence[sa.Row]) -> Iterator[Difference]:
    answers = check_ins.answers(session, [(row.clinic_id, row.id) for row in rows])
    asked = work_items.with_keys(session, [(row.clinic_id, row.work_key) for row in rows if row.work_key])
    for row in rows:
        level = _again(row, answers[row.id]).level
        unasked = row.level != triage.ROUTINE and (row.clinic_id, row.work_key) not in asked
        if unasked or level != row.level:
            yield Difference(row, level, unasked)


def _again(row: Any, answers: list[Any]) -> Assessment:
    asked = library.question_sets().get((row.set_id, row.set_version))
    if asked is None:
        return triage.not_evaluated(library.question_set())
    given = {
        one.question: Given(
            choice=one.choice, number=one.number or "", unit=one.unit or "c", on=one.on, text=one.text or ""
        )
        for one in answers
    }
    count = row.context["neutrophils"]
    known = Context(before=row.context["before"], misplaced=row.context["misplaced"])
    return evaluate(asked, given, replace(known, neutrophils=None if count is None else Decimal(count)))


def _unknown(session: Session, found: Sequence[Difference]) -> list[Difference]:
    """Those of which no person was told yet."""
    told = work_items.newest(session, [one.key for one in found])
    return [one for one in found if one.key not in told]


def _work_item(one: Difference, now: datetime) -> Values:
    owner = {"clinic_id": one.row.clinic_id, "patient_id": one.row.patient_id, "kind": KIND}
    asked = {"level": LEVEL, "role": ROLE, "due_by": now + ladder.DUE_BY[LEVEL]}
    return owner | asked | {"key": one.key[1], "about": one.sentence}
