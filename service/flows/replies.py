"""What a patient tells us by the page of a message. Each is one fact, with what it asks of people, at once.

None of them closes a test: only its result, or a named person, does. The answer of each act is the name of a
sentence of the catalogue's page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from sqlmodel import Session

from db import audit, batches, contacts, work_items
from db.items import Stored
from db.tables import Consent, CourseEvent, Reply, ReplyKind
from db.types import new_id
from schedules import ladder
from schedules.facts import EventType
from schedules.fields import Level
from service.flows import plans, visitors
from service.flows.visitors import Visitor

LONGEST_TEXT = 500
ATTENDING = {
    "confirm": ReplyKind.CONFIRMED,
    "cancel": ReplyKind.CANCELLED,
    "move": ReplyKind.ASKED_TO_MOVE,
}
ANSWERS = {
    ReplyKind.CONFIRMED: "confirmed",
    ReplyKind.CANCELLED: "cancelled",
    ReplyKind.ASKED_TO_MOVE: "moved",
}
WORK: dict[ReplyKind, tuple[str, Level, str]] = {  # what is asked of whom; levels are a product choice
    ReplyKind.DONE: ("get-result", "routine", "coordinator"),
    ReplyKind.CANCELLED: ("appointment-cancelled", "24h", "coordinator"),
    ReplyKind.ASKED_TO_MOVE: ("appointment-move", "24h", "coordinator"),
    ReplyKind.PROBLEM: ("problem-told", "same-day", "clinician"),
    ReplyKind.STOPPED: ("messages-stopped", "24h", "coordinator"),
}
GUESSED: tuple[str, Level, str] = ("birth-date-guessed", "24h", "coordinator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One thing that was told. `key` is its work item's, where one is asked; its own without one."""

    kind: ReplyKind
    item: Stored | None = None
    on: date | None = None
    text: str = ""
    key: str | None = None


def done(
    session: Session, visitor: Visitor, item_id: str, *, on: date | None, place: str, now: datetime
) -> str:
    """The patient had it done: reminders rest for 72 hours, once, and a person gets the result."""
    row = _open(session, visitor, item_id)
    if row is None or row.item.kind == "check-in":
        return "not_open"
    if on is None or not row.item.base <= on <= visitor.today or not place.strip():
        return "done_again"
    told = Told(kind=ReplyKind.DONE, item=row, on=on, text=place, key=f"said-done/{row.id}")
    _keep(session, visitor, told, now=now)
    return "done_thanks"


def attend(session: Session, visitor: Visitor, item_id: str, *, choice: str, wish: str, now: datetime) -> str:
    """Confirm, cancel or ask to move a booked appointment. Cancelled, it is to book again."""
    row, kind = _open(session, visitor, item_id), ATTENDING.get(choice)
    if row is None or row.item.appointment is None or kind is None:
        return "not_open"
    told = Told(kind=kind, item=row, text=wish, key=f"appointment/{row.id}")
    _keep(session, visitor, told, now=now)
    if kind is ReplyKind.CANCELLED:
        happened(session, visitor, [row], EventType.CANCELLED, reason="the patient cancelled", now=now)
    return ANSWERS[kind]


def answer(session: Session, visitor: Visitor, *, choice: str, text: str, now: datetime) -> str:
    """The check-in's one question. A problem is a person's before the page says so; its words are kept."""
    if choice not in ("yes", "no"):
        return "answer_again"
    problem = choice == "yes"
    told = Told(kind=ReplyKind.PROBLEM if problem else ReplyKind.NO_PROBLEM, text=text)
    _keep(session, visitor, told, now=now)
    asked = [duty.row for duty in visitors.duties(session, visitor) if duty.kind == "check-in"]
    happened(session, visitor, asked, EventType.ANSWERED, reason=None, now=now)
    return "problem_told" if problem else "no_problem"


def stop(session: Session, visitor: Visitor, *, now: datetime) -> str:
    """No more messages to whoever holds the link; the clinic hears, for the monitoring goes on."""
    words = f"{visitor.words.page.stop_help} {visitor.words.page.stop}"
    withdrawn = {
        "purpose": contacts.REMINDERS,
        "given": False,
        "source": visitors.LINK,
        "wording": words,
        "at": contacts.after_all(session, visitor.key, now),
    }
    mine = contacts.of_patients(session, [visitor.key]).get(visitor.patient.id, [])
    rows = [
        {"clinic_id": visitor.clinic.id, "patient_id": visitor.patient.id, "contact_id": contact.id}
        | withdrawn
        | {"channel": contact.channel}
        for contact in mine
        if contact.audience is visitor.audience
    ]
    batches.insert(session, Consent, rows)
    key = f"stopped/{visitor.audience.value}/{visitor.patient.id}"
    _keep(session, visitor, Told(kind=ReplyKind.STOPPED, key=key), now=now)
    return "stopped"


def guessed(session: Session, visitor: Visitor, *, now: datetime) -> None:
    """A wrong birth date: after the last that is allowed a person hears."""
    if visitors.is_locked(session, visitor, now=now):
        return
    told = Told(kind=ReplyKind.WRONG_BIRTH_DATE, key=f"guessed/{visitor.patient.id}")
    _keep(session, visitor, told, now=now)
    if visitors.is_locked(session, visitor, now=now):
        _ask(session, visitor, told, GUESSED, now)


def _open(session: Session, visitor: Visitor, item_id: str) -> Stored | None:
    """The item, when it is the visitor's and still open: a page may be old when its form is sent."""
    found = visitors.duties(session, visitor)
    return next((duty.row for duty in found if duty.row.id.hex == item_id), None)


def happened(
    session: Session,
    visitor: Visitor,
    rows: Sequence[Stored],
    kind: EventType,
    *,
    reason: str | None,
    now: datetime,
) -> None:
    """Record it on the course of each item, and plan those again."""
    said = {"clinic_id": visitor.clinic.id, "on": visitor.today, "type": kind, "reason": reason}
    events = [
        said | {"course_id": row.course_id, "clock": row.item.clock, "recorded_at": now} for row in rows
    ]
    batches.insert(session, CourseEvent, events)
    plans.apply(session, sorted({(row.clinic_id, row.course_id) for row in rows}), now=now)


def _keep(session: Session, visitor: Visitor, told: Told, *, now: datetime) -> None:
    """Write it down, and open its work item with it."""
    reply_id, work = new_id(), WORK.get(told.kind)
    told = replace(told, key=told.key or f"reply/{reply_id}")
    row = {
        "clinic_id": visitor.clinic.id,
        "id": reply_id,
        "patient_id": visitor.patient.id,
        "message_id": visitor.message_id,
        "item_id": None if told.item is None else told.item.id,
        "kind": told.kind,
        "on": told.on,
        "text": told.text.strip()[:LONGEST_TEXT] or None,
        "work_key": None if work is None else told.key,
        "at": now,
    }
    batches.insert(session, Reply, [row])
    subject, action = ("patient", str(visitor.patient.id)), f"told {told.kind.value}"
    audit.record(session, visitor.clinic.id, visitors.ACTOR, action, subject=subject, now=now)
    if work is not None:
        _ask(session, visitor, told, work, now)


def _ask(session: Session, visitor: Visitor, told: Told, work: tuple[str, Level, str], now: datetime) -> None:
    kind, level, role = work
    row = {
        "clinic_id": visitor.clinic.id,
        "patient_id": visitor.patient.id,
        "course_id": None if told.item is None else told.item.course_id,
        "item_id": None if told.item is None else told.item.id,
        "kind": kind,
        "level": level,
        "role": role,
        "key": told.key,
        "due_by": now + ladder.DUE_BY[level],
    }
    work_items.raise_(session, [row], now=now)
