"""What reaches one clinic about a patient whom another monitors goes on to it: results, and an end.

Laboratories and relatives go on telling whom they know. A hand-over that stands is what allows it.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, clinics, courses, hand_overs, patients, work_items
from db.batches import Key, Values
from db.tables import EndReason
from schedules import ladder
from schedules.fields import Level
from service.flows import carrying
from service.flows import results as judging
from service.flows.courses import replan

ACTOR = "a hand-over that stands"
ENDS = {EndReason.DIED: "died", EndReason.LEFT: "left", EndReason.MOVED_AWAY: "moved away"}


def results(session: Session, arrived: Iterable[Values], *, now: datetime) -> None:
    """Carry new results to the clinic that monitors the patient now, where they are judged and planned with.

    To a practice outside a person sends them.
    """
    whose = sorted({(row["clinic_id"], row["patient_id"]) for row in arrived})
    outside = []
    for row in hand_overs.kept_elsewhere(session, whose):
        if row.to_clinic_id is None:
            outside.append(_to_send(row, now))
        else:
            _carry(session, row, now)
    work_items.raise_(session, outside, now=now)


def _carry(session: Session, row: sa.Row, now: datetime) -> None:
    to = row.to_clinic_id, row.to_patient_id
    patients.lock(session, to)
    new = carrying.carry_results(session, (row.clinic_id, row.patient_id), to)
    judging.judge(session, new, now=now)
    replan(session, courses.of_patients(session, [to]), now=now)
    subject, detail = ("patient", str(to[1])), {"results": [str(one["id"]) for one in new]}
    audit.record(session, to[0], ACTOR, "receive results", subject=subject, now=now, detail=detail)


def _to_send(row: sa.Row, now: datetime) -> dict[str, Any]:
    about = f"A result came for a patient whom {row.practice} monitors since {row.answered_on}: send it on."
    key = f"hand-over/{row.id}/result"
    return _work((row.clinic_id, row.patient_id), "result-after-hand-over", key, about, "same-day", now)


def ended(session: Session, key: Key, *, on: date, reason: EndReason, now: datetime) -> None:
    """Tell the other side that the patient died, left or moved away: what it does of that, it decides."""
    others = [(row.to_clinic_id, row.to_patient_id) for row in hand_overs.kept_elsewhere(session, [key])]
    others += [(row.clinic_id, row.patient_id) for row in hand_overs.kept_here(session, key)]
    there = {one for one in others if one[0] is not None}
    told = patients.of(session, sorted(there))
    name = clinics.get(session, key[0])
    assert name is not None
    about = f"{name.name} has entered that the patient {ENDS[reason]} on {on}: find out, and enter it."
    level: Level = "same-day" if reason is EndReason.DIED else "24h"
    work = [
        _work((row.clinic_id, id_), "ended-elsewhere", f"ended-elsewhere/{id_}", about, level, now)
        for id_, row in told.items()
        if row.ended_reason is None
    ]
    work_items.raise_(session, work, now=now)


def _work(
    whose: tuple[UUID, UUID], kind: str, key: str, about: str, level: Level, now: datetime
) -> dict[str, Any]:
    what = {"kind": kind, "key": key, "level": level, "role": "coordinator", "about": about}
    return what | {"clinic_id": whose[0], "patient_id": whose[1], "due_by": now + ladder.DUE_BY[level]}
