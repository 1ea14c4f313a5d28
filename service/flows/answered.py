"""What a patient answered at check-ins, for the people who treat them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, check_ins, patient_reports, work_items
from db.batches import Key
from schedules import library
from service.flows.courses import patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer, with the question's title; one that was never asked has its own name."""

    question: str
    title: str
    choice: str
    number: str | None
    unit: str | None
    on: date | None
    text: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    row: sa.Row
    answers: Sequence[Answer]
    work_item_id: UUID | None


def of_patient(session: Session, key: Key, *, by: str, now: datetime) -> list[Answered]:
    """The newest first, with an entry in the audit. Problem when the clinic has no such patient."""
    patient(session, key)
    rows = check_ins.of_patient(session, key)
    given = check_ins.answers(session, [(row.clinic_id, row.id) for row in rows])
    asked = work_items.with_keys(session, [(row.clinic_id, row.work_key) for row in rows if row.work_key])
    audit.record(session, key[0], by, "read check-ins", subject=("patient", str(key[1])), now=now)
    return [
        Answered(
            row=row,
            answers=[_answer(row, one) for one in given[row.id]],
            work_item_id=asked.get((row.clinic_id, row.work_key)),
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    row: sa.Row
    work_item_id: UUID | None


def reports_of(session: Session, key: Key) -> list[Reported]:
    """What the patient reported by themselves, the newest first."""
    rows = patient_reports.of_patient(session, key)
    asked = work_items.with_keys(session, [(row.clinic_id, row.work_key) for row in rows])
    return [Reported(row=row, work_item_id=asked.get((row.clinic_id, row.work_key))) for row in rows]


def _answer(row: sa.Row, one: sa.Row) -> Answer:
    question = library.question_sets()[row.set_id, row.set_version].question(one.question)
    title = one.question if question is None else question.title
    told = {name: getattr(one, name) for name in ("question", "choice", "number", "unit", "on", "text")}
    return Answer(title=title, **told)
