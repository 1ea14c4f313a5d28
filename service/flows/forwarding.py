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
    outside = []
    for whose, last in _keepers(session, {(row["clinic_id"], row["patient_id"]) for row in arrived}):
        if last.kept_as is None:
            outside.append(_to_send(whose, last, now))
        else:
            _carry(session, whose, (last.kept_in, last.kept_as), now)
    work_items.raise_(session, outside, now=now)


def _keepers(session: Session, whose: set[Key]) -> list[tuple[Key, sa.Row]]:
    """With each record the last of its chain of hand-overs, once a keeper; none that came back."""
    found: dict[tuple[Key, object], tuple[Key, sa.Row]] = {}
    for first in hand_overs.taken(session, sorted(whose)):
        last, own = first, (first.clinic_id, first.patient_id)
        while onward := last.kept_in and hand_overs.taken(
            session, [(last.kept_in, last.made_course_id)], column="course_id"
        ):
            [last] = onward
        keeper = (last.kept_in, last.kept_as) if last.kept_as else last.practice
        if keeper != own:
            found[own, keeper] = own, last
    return list(found.values())


def _carry(session: Session, of: Key, to: Key, now: datetime) -> None:
    patients.lock(session, to)
    new = carrying.carry_results(session, of, to)
    if not new:
        return
    judging.judge(session, new, now=now)
    replan(session, courses.of_patients(session, [to]), now=now)
    subject, detail = ("patient", str(to[1])), {"results": [str(one["id"]) for one in new]}
    audit.record(session, to[0], ACTOR, "receive results", subject=subject, now=now, detail=detail)


def _to_send(whose: Key, last: sa.Row, now: datetime) -> dict[str, Any]:
    about = f"A result came for a patient whom {last.practice} monitors since {last.answered_on}: send it on."
    key = f"hand-over/{last.id}/result/{whose[1]}"
    return _work(whose, "result-after-hand-over", key, about, "same-day", now)


def taken_back(session: Session, row: sa.Row, *, now: datetime) -> None:
    """A result is a mistake here: who had it from us is told, and takes it back themselves."""
    whose = row.clinic_id, row.patient_id
    work = []
    for _, last in _keepers(session, {whose}):
        name, key = _name(session, whose[0]), f"taken-back-elsewhere/{row.id}"
        about = f"{name} has taken back its {row.analyte} of {row.collected_on}: take it back here too."
        if last.kept_as is None:
            about = f"The {row.analyte} of {row.collected_on} was taken back: tell {last.practice}."
        to = whose if last.kept_as is None else (last.kept_in, last.kept_as)
        work.append(_work(to, "result-taken-back-elsewhere", key, about, "same-day", now))
    work_items.raise_(session, work, now=now)


def _name(session: Session, clinic_id: UUID) -> str:
    found = clinics.get(session, clinic_id)
    assert found is not None
    return found.name


def ended(session: Session, key: Key, *, on: date, reason: EndReason, now: datetime) -> None:
    """Tell the other sides that the patient died, left or moved away: what they do of that, they decide."""
    told = patients.of(session, sorted(hand_overs.records(session, key)))
    name = _name(session, key[0])
    about = f"{name} has entered that the patient {ENDS[reason]} on {on}: find out, and enter it."
    level: Level = "same-day" if reason is EndReason.DIED else "24h"
    work = [
        _work((row.clinic_id, id_), "ended-elsewhere", f"ended-elsewhere/{id_}", about, level, now)
        for id_, row in told.items()
        if row.ended_reason is None
    ]
    work_items.raise_(session, work, now=now)


def _work(whose: Key, kind: str, key: str, about: str, level: Level, now: datetime) -> dict[str, Any]:
    what = {"kind": kind, "key": key, "level": level, "role": "coordinator", "about": about}
    return what | {"clinic_id": whose[0], "patient_id": whose[1], "due_by": now + ladder.DUE_BY[level]}
