"""Two records turn out to be one patient: one takes over everything of the other, and can give it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, batches, contacts, courses, merges, patients
from db.batches import Key
from db.tables import Consent, Course
from service.errors import Fault, Problem
from service.flows import differences, joined, obligations, zones
from service.flows.courses import patient, replan
from service.flows.differences import Difference
from service.flows.patients import VERSION_IS_OLD

SHOWN = ("course", "result", "contact", "reply", "message", "work_item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """How many rows of each table moved, and what that changes."""

    moved: Mapping[str, int]
    difference: Difference


def merge(
    session: Session,
    key: Key,
    former: UUID,
    *,
    version: int,
    confirmed: bool,
    reason: str,
    by: str,
    now: datetime,
) -> Merged:
    """Problem when they can be no one patient, or contradict each other."""
    both = [key, (key[0], former)]
    for one in sorted(both):
        patients.lock(session, one)
    kept, gone = patient(session, key), _other(session, key, former)
    if kept.version != version:
        raise Problem(412, VERSION_IS_OLD)
    _alike(session, kept, gone)
    if not confirmed:
        obligations.confirm(session, [both[1]], now=now)
    before = differences.together(differences.look(session, one) for one in both)
    _keep_a_no(session, kept, gone)
    was = joined.apart(session, both)
    moved = merges.join(session, key, gone, now=now)
    _plan(session, courses.of_patients(session, [key]), now)
    joined.judge(session, key, former, was, now=now)
    _record(session, key, by, "merge patient", now, {"former": str(former), "reason": reason})
    found = differences.between(before, differences.look(session, key))
    return Merged(moved={name: len(moved[name]) for name in SHOWN}, difference=found)


def _other(session: Session, key: Key, former: UUID) -> sa.Row:
    row = patients.of(session, [(key[0], former)]).get(former)
    if row is None or row.voided_at is not None or former == key[1]:
        what = "is this patient itself" if former == key[1] else "is no patient of this clinic"
        raise Problem(
            422, "The request is not valid.", errors=[Fault("body.former_id", f"{what}: find the other")]
        )
    return row


def _alike(session: Session, kept: sa.Row, gone: sa.Row) -> None:
    if kept.birth_date != gone.birth_date:
        raise Problem(409, "The dates of birth differ: correct the wrong one first, if it is one patient.")
    if kept.ended_reason != gone.ended_reason:
        raise Problem(409, "One of the two has ended: take that back, or enter it in the other, first.")
    twice = _active(session, kept) & _active(session, gone)
    if twice:
        what = " and ".join(sorted(twice))
        raise Problem(
            409, f"Both have an active course under {what}: stop one, or mark it as a mistake, first."
        )


def _active(session: Session, row: sa.Row) -> set[str]:
    table = batches.table(Course)
    mine = sa.select(table.c.protocol_id).where(
        batches.same(table, (row.clinic_id, row.id), column="patient_id")
    )
    return set(session.scalars(mine.where(table.c.voided_at.is_(None), table.c.ended_on.is_(None))))


def _keep_a_no(session: Session, *rows: sa.Row) -> None:
    """The newest answer for an address counts in both: who said STOP in one gets nothing by the other."""
    newest = {row.contact_id: row for one in rows for row in _answers(session, one)}
    reached = [row for one in rows for row in _contacts(session, one)]
    noes = [(row, newest[row.id]) for row in reached if row.id in newest and not newest[row.id].given]
    said = [
        _columns(no) | {"patient_id": other.patient_id, "contact_id": other.id}
        for row, no in noes
        for other in reached
        if other.id != row.id and _place(other) == _place(row) and _is_older(newest.get(other.id), no)
    ]
    batches.insert(session, Consent, said)


def _answers(session: Session, row: sa.Row) -> Sequence[sa.Row]:
    found = contacts.consents(session, [(row.clinic_id, row.id)]).get(row.id, [])
    return [answer for answer in found if answer.purpose == contacts.REMINDERS]


def _contacts(session: Session, row: sa.Row) -> Sequence[sa.Row]:
    return contacts.of_patients(session, [(row.clinic_id, row.id)]).get(row.id, [])


def _place(row: sa.Row) -> tuple[object, str]:
    return row.channel, row.address


def _is_older(answer: sa.Row | None, than: sa.Row) -> bool:
    return answer is None or (answer.at, answer.id) < (than.at, than.id)


def _columns(answer: sa.Row) -> dict[str, Any]:
    names = ("clinic_id", "purpose", "channel", "given", "wording", "at")
    return {name: getattr(answer, name) for name in names} | {
        "source": f"{answer.source} (of a merged record)"
    }


def _plan(session: Session, mine: Sequence[Key], now: datetime) -> None:
    replan(session, mine, now=now)
    zones.again(session, mine, now=now)


def take_apart(session: Session, key: Key, former: UUID | None, *, now: datetime) -> Difference:
    """What was moved goes back, with what has come since to the courses that were. Problem: no such merge."""
    found = None if former is None else merges.standing(session, key, former)
    if found is None:
        raise Problem(409, "No record of that id was merged into this patient.")
    before = differences.look(session, key)
    joined.take_back(session, key[0], found.former_id, now=now)
    theirs = merges.part(session, found, now=now)
    _plan(session, [*courses.of_patients(session, [key]), *theirs], now)
    both = (differences.look(session, one) for one in (key, (key[0], found.former_id)))
    return differences.between(before, differences.together(both))


def _record(session: Session, key: Key, by: str, action: str, now: datetime, detail: dict[str, Any]) -> None:
    for id_ in (key[1], detail["former"]):
        audit.record(session, key[0], by, action, subject=("patient", str(id_)), now=now, detail=detail)
