"""The appointment of a visit: booked, moved, kept or not. Each is an event, and the ladder follows."""

from datetime import date, datetime
from enum import StrEnum
from typing import NoReturn

from sqlmodel import Session

from db import courses, items
from db.batches import Key
from db.tables import CourseEvent
from schedules import days
from schedules.facts import EventType
from service.errors import Fault, Problem
from service.flows import events
from service.flows.courses import NOTHING_HERE
from service.flows.events import Recorded


class Act(StrEnum):
    BOOK = "book"
    MOVE = "move"
    ATTENDED = "attended"
    NOT_ATTENDED = "not-attended"
    CANCEL = "cancel"


EVENTS = {
    Act.BOOK: EventType.BOOKED,
    Act.MOVE: EventType.BOOKED,
    Act.ATTENDED: EventType.ATTENDED,
    Act.NOT_ATTENDED: EventType.NOT_ATTENDED,
    Act.CANCEL: EventType.CANCELLED,
}
SAYS_WHEN = (Act.BOOK, Act.MOVE)
NOTHING = dict.fromkeys(CourseEvent.model_fields.keys() - {"import_id", "voided_at"})


def record(
    session: Session,
    key: Key,
    act: Act,
    *,
    at: datetime | None,
    on: date | None,
    reason: str | None,
    by: str,
    now: datetime,
) -> Recorded:
    """Problem when the item is no open visit or not booked as the act supposes, or the clinic is closed."""
    stored = items.of(session, [key]).get(key[1])
    known = courses.known(session, [(key[0], stored.course_id)]) if stored else []
    if stored is None or not known:
        raise Problem(404, NOTHING_HERE)
    item, here = stored.item, now.astimezone(days.zone(known[0].time_zone)).replace(tzinfo=None)
    if item.kind != "visit" or item.class_ is not None:
        raise Problem(409, "Only a visit that is open has an appointment.")
    _fits(act, item.appointment)
    if act in SAYS_WHEN and (at is None or at <= here):
        _refuse("at", "is missing: say when" if at is None else "is past: choose a time to come")
    said = NOTHING | {"on": on or here.date(), "type": EVENTS[act], "clock": item.clock, "reason": reason}
    said["at_local"] = at.isoformat() if at is not None and act in SAYS_WHEN else None
    return events.record(session, (key[0], stored.course_id), said, by=by, now=now)


def _fits(act: Act, booked: datetime | None) -> None:
    if act is Act.BOOK and booked is not None:
        raise Problem(409, f"It is booked for {booked:%Y-%m-%d %H:%M}: move it.")
    if act in (Act.MOVE, Act.NOT_ATTENDED, Act.CANCEL) and booked is None:
        raise Problem(409, "There is no appointment: book one.")


def _refuse(place: str, what: str) -> NoReturn:
    raise Problem(422, "The request is not valid.", errors=[Fault(f"body.{place}", what)])
