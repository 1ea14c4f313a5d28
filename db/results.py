"""Results, and the draws that they make up."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, work_items
from db.batches import Key, Values
from db.tables import Result, ResultStatus
from schedules.facts import Draw

TAKING_BACK = (ResultStatus.CANCELLED, ResultStatus.ENTERED_IN_ERROR)
COLUMNS = (
    "clinic_id", "id", "patient_id", "analyte", "value", "collected_on", "status", "usable", "resulted_at",
    "recorded_at",
)  # fmt: skip
STANDING = (ResultStatus.FINAL, ResultStatus.CORRECTED, *TAKING_BACK)  # a preliminary one closes nothing


FINDING, QUARANTINE = "finding/", "quarantine/"  # keys of work items about a result
RESTATED = "The value was sent again, or taken back."


def finding_key(result_id: UUID) -> str:
    """The key of the work item that asks a person to look at a result."""
    return f"{FINDING}{result_id}"


def of_patient(session: Session, key: Key, *, before: UUID | None, limit: int) -> Sequence[sa.Row]:
    """Results of a patient that were not voided, the last known first."""
    results = batches.table(Result)
    query = sa.select(results).where(results.c.voided_at.is_(None))
    return batches.newest(session, query, results, key, before=before, limit=limit)


def of_patients(session: Session, keys: Sequence[Key]) -> dict[UUID, list[sa.Row]]:
    """Every result that was not voided, by patient, in the order they became known."""
    results = batches.table(Result)
    found: dict[UUID, list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, _known(), results, keys, column="patient_id"):
        found[row.patient_id].append(row)
    return found


@cache
def _known() -> sa.Select:
    results = batches.table(Result)
    standing = sa.select(results).where(results.c.voided_at.is_(None))
    return standing.order_by(results.c.recorded_at, results.c.id)


def standing(rows: sa.Table, at: datetime | None) -> sa.ColumnElement[bool]:
    """The facts that stand: now, or as they stood at a past moment, among them those voided since."""
    if at is None:
        return rows.c.voided_at.is_(None)
    known = rows.c.recorded_at if "recorded_at" in rows.c else rows.c.created_at
    return sa.and_(known <= at, sa.or_(rows.c.voided_at.is_(None), rows.c.voided_at > at))


def draws(
    session: Session, keys: Sequence[Key], *, at: datetime | None = None
) -> dict[UUID, tuple[Draw, ...]]:
    """What counts, or counted `at` a past moment, by patient and day of collection.

    Of two values for an analyte it is the one that the laboratory resulted later, else the later known; one
    that was cancelled or entered in error is none, and a correction that cannot be used leaves none.
    """
    found: dict[UUID, list[Draw]] = defaultdict(list)
    days = _days(session, keys, at)
    for (patient_id, day), rows in sorted(days.items(), key=lambda entry: entry[0][1]):
        if (draw := _draw(day, rows)).components:
            found[patient_id].append(draw)
    return {patient_id: tuple(mine) for patient_id, mine in found.items()}


def counting(session: Session, keys: Sequence[Key]) -> list[Values]:
    """The results whose values the draws of these patients have now."""
    days = _days(session, keys, None)
    return [
        dict(row._mapping) for rows in days.values() for row in _last(rows).values() if row.value is not None
    ]


def _days(
    session: Session, keys: Sequence[Key], at: datetime | None
) -> Mapping[tuple[UUID, date], Sequence[sa.Row]]:
    days: dict[tuple[UUID, date], list[sa.Row]] = defaultdict(list)
    for row in batches.fetch(session, _deciding(at), batches.table(Result), keys, column="patient_id"):
        days[row.patient_id, row.collected_on].append(row)
    return days


@lru_cache(maxsize=16)
def _deciding(at: datetime | None) -> sa.Select:
    results = batches.table(Result)
    decides = sa.or_(results.c.usable, results.c.status != ResultStatus.FINAL)
    columns = (results.c[name] for name in COLUMNS)
    return sa.select(*columns).where(results.c.status.in_(STANDING), decides, standing(results, at))


def replaced(session: Session, arrived: Iterable[Values], *, prefix: str = FINDING) -> list[tuple[UUID, str]]:
    """The keys of the work about what these results correct or take back, of the same draw and analyte."""
    results = batches.table(Result)
    new = {(row["patient_id"], row["analyte"], row["collected_on"]): row["id"] for row in arrived}
    people = sorted({(row["clinic_id"], row["patient_id"]) for row in arrived})
    names = ("clinic_id", "id", "patient_id", "analyte", "collected_on")
    query = sa.select(*(results.c[name] for name in names)).where(results.c.voided_at.is_(None))
    return [
        (row.clinic_id, f"{prefix}{row.id}")
        for row in batches.fetch(session, query, results, people, column="patient_id")
        if new.get((row.patient_id, row.analyte, row.collected_on), row.id) != row.id
    ]


def withdrawn(session: Session, rows: Sequence[Values], *, why: str, now: datetime) -> None:
    """These results no longer stand: to look at them is no work, and at what they restated it is."""
    keys = {(row["clinic_id"], f"{QUARANTINE}{row['id']}") for row in rows}
    keys |= {(row["clinic_id"], unjudged_key(row)) for row in rows}
    keys |= {(row["clinic_id"], restated_key(row["id"])) for row in rows}
    work_items.finish(session, sorted(keys), outcome=why, now=now)
    restated = set(replaced(session, rows, prefix=QUARANTINE)) - keys
    work_items.open_again(session, sorted(restated), outcome=RESTATED)


def restated_key(result_id: UUID) -> str:
    """The key of the work item that asks a person which of two versions stands."""
    return f"restated/{result_id}"


def unjudged_key(row: Values) -> str:
    """The key of the work item that asks a person to look at a draw that no limit may judge."""
    return f"unjudged/{row['patient_id']}/{row['collected_on']}"


def version(rows: sa.Table) -> sa.ColumnElement[datetime]:
    """When the laboratory said it, else when it became known: of two the later one counts."""
    return sa.func.coalesce(rows.c.resulted_at, rows.c.recorded_at, type_=rows.c.recorded_at.type)


def outdated(session: Session, arrived: Iterable[Values]) -> list[tuple[UUID, str]]:
    """The keys of the findings, of these draws and analytes, whose result a later version replaced."""
    drawn = {(row["patient_id"], row["analyte"], row["collected_on"]) for row in arrived}
    people = sorted({(row["clinic_id"], row["patient_id"]) for row in arrived})
    results = batches.table(Result)
    query = sa.select(results).where(results.c.voided_at.is_(None))
    ordered = query.order_by(version(results), results.c.recorded_at, results.c.id)
    before: dict[object, list[sa.Row]] = defaultdict(list)
    replaced: list[sa.Row] = []
    for row in batches.fetch(session, ordered, results, people, column="patient_id"):
        draw = row.patient_id, row.analyte, row.collected_on
        if draw in drawn and row.status in (ResultStatus.CORRECTED, *TAKING_BACK):
            replaced += before.pop(draw, ())
        before[draw].append(row)
    return findings(session, replaced)


def findings(session: Session, rows: Iterable[sa.Row]) -> list[tuple[UUID, str]]:
    """The keys of the unfinished work about these results: as they came, and judged again since."""
    ids = {(row.clinic_id, str(row.id)) for row in rows}
    asked = {clinic_id: work_items.beginning(session, clinic_id, FINDING) for clinic_id, _ in ids}
    return [
        (clinic_id, key)
        for keys in asked.values()
        for clinic_id, key in keys
        if (clinic_id, key.split("/")[1]) in ids
    ]


def _draw(day: date, rows: Sequence[sa.Row]) -> Draw:
    last = _last(rows)
    return Draw(
        on=day,
        components=frozenset(last),
        values={name: row.value for name, row in last.items() if row.value is not None},
        recorded_at=max(row.recorded_at for row in rows),
    )


def _last(rows: Sequence[sa.Row]) -> dict[str, sa.Row]:
    """By analyte the version that counts, where one does."""
    found: dict[str, sa.Row] = {}
    for row in sorted(rows, key=lambda row: (row.resulted_at or row.recorded_at, row.recorded_at, row.id)):
        found.pop(row.analyte, None)
        if row.usable and row.status not in TAKING_BACK:
            found[row.analyte] = row
    return found
