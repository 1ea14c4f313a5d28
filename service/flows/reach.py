"""Who is on a medicine and cannot be reached is a person's at once, not only when a reminder falls due."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlmodel import Session

from db import contacts, courses, work_items
from db.batches import Key
from db.tables import Audience
from schedules import ladder

KIND = "unreachable"
AGAIN = "the patient can be reached"


def look(session: Session, keys: Collection[Key], *, now: datetime) -> None:
    """A work item for each of these patients who is on a medicine without a contact that may be used.

    It is looked at where either comes or goes, so the order does not matter; its end is that of the want.
    """
    if not keys:
        return
    reached = contacts.reachable(session, sorted(keys))
    on_medicine = courses.on_medicine(session, sorted(keys))
    lost = {key for key in on_medicine if (key[1], Audience.PATIENT) not in reached}
    known = {(clinic_id, _key(id_)) for clinic_id, id_ in keys}
    there = work_items.among(session, sorted(known))
    new = [key for key in sorted(lost) if (key[0], _key(key[1])) not in there]
    work_items.raise_(session, [work_item(key, now) for key in new], now=now)
    over = [(clinic_id, _key(id_)) for clinic_id, id_ in keys if (id_, Audience.PATIENT) in reached]
    work_items.finish(session, over, outcome=AGAIN, now=now)


def mark_bad(session: Session, keys: Collection[Key], *, now: datetime) -> None:
    """Nothing can be delivered to these contacts from now on."""
    if contacts.mark_bad(session, list(keys), now=now):
        look(session, contacts.whose(session, list(keys)), now=now)


def work_item(key: Key, now: datetime) -> dict[str, Any]:
    clinic_id, patient_id = key
    return {
        "clinic_id": clinic_id,
        "patient_id": patient_id,
        "kind": KIND,
        "level": "24h",
        "role": "coordinator",
        "key": _key(patient_id),
        "due_by": now + ladder.DUE_BY["24h"],
    }


def _key(patient_id: object) -> str:
    return f"unreachable/{patient_id}"
