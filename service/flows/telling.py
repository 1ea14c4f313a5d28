"""What a patient reports by themselves: kept in their words, with the work item that follows, at once.

A proposal (a pause, a stop, another dose) changes nothing: a clinician accepts it, and then it is an event.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import attempts, audit, batches, contacts, courses, patient_reports, work_items
from db.tables import Consent, PatientReport
from db.types import new_id
from schedules import consequences, ladder, library
from schedules.consequences import Consequence
from schedules.fields import Level
from service.flows import visitors
from service.flows.check_ins import LONGEST_CHOICE, LONGEST_TEXT, day_of
from service.flows.visitors import LINK, Visitor

WRONG_NUMBER: tuple[str, Level, str] = ("wrong-number", "24h", "coordinator")
STARTED_AGAIN: tuple[str, Level, str] = ("messages-started-again", "routine", "coordinator")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """A form as it came."""

    kind: str
    choice: str
    on: date | None
    text: str


def read(form: Mapping[str, str]) -> Telling:
    """What cannot be read as a day is kept with the words."""
    on, text = form.get("on", "").strip(), form.get("text", "").replace("\0", "").strip()
    day = day_of(on)
    unread = f"{on[:LONGEST_CHOICE]} " if on and day is None else ""
    return Telling(
        kind=form.get("kind", ""),
        choice=form.get("choice", "").replace("\0", "")[:LONGEST_CHOICE],
        on=day,
        text=f"{unread}{text}".replace("\0", "").strip()[:LONGEST_TEXT],
    )


def tell(session: Session, visitor: Visitor, said: Telling, *, now: datetime) -> Consequence | None:
    """Keep a report and ask a person. None when there is no such report, so nothing was said."""
    report = consequences.reports().get(said.kind)
    if report is None:
        return None
    known = courses.known(session, courses.of_patients(session, [visitor.key]))
    found = consequences.follow(
        report,
        said.choice,
        on=said.on,
        text=said.text,
        today=visitor.today,
        medicines=[facts.course.protocol.medicine for facts in known],
        asked=library.question_set(),
    )
    told = {"choice": said.choice, "on": said.on, "text": said.text or None, "proposes": found.proposes}
    judged = told | {"level": found.level, "reasons": list(found.reasons)}
    _keep(session, visitor, said.kind, judged, (found.work, found.level, found.role), now=now)
    return found


def disown(session: Session, visitor: Visitor, *, now: datetime) -> str:
    """Whoever holds the link is not the patient: nothing more is sent there, and a person looks."""
    if visitor.disowned:
        return "disowned"
    for contact_id in _addresses(session, visitor):
        told = {"choice": "", "contact_id": contact_id, "level": WRONG_NUMBER[1]}
        _keep(session, visitor, patient_reports.WRONG_NUMBER, told, WRONG_NUMBER, now=now)
        contacts.mark_bad(session, [(visitor.clinic.id, contact_id)], now=now)
    return "disowned"


def _addresses(session: Session, visitor: Visitor) -> list[UUID]:
    """Where the message went; where that is not known, wherever such messages go."""
    tries = attempts.of_messages(session, [(visitor.clinic.id, visitor.message_id)])
    found = {row.contact_id for row in tries.get(visitor.message_id, []) if row.contact_id is not None}
    mine = contacts.of_patients(session, [visitor.key]).get(visitor.patient.id, [])
    return sorted(found or {row.id for row in mine if row.audience is visitor.audience})


def start(session: Session, visitor: Visitor, *, now: datetime) -> str:
    """Messages again to where the page ended them, and nowhere else."""
    words = f"{visitor.words.page.start_help} {visitor.words.page.start}"
    again = {"purpose": contacts.REMINDERS, "given": True, "source": LINK, "wording": words}
    again |= {"at": contacts.after_all(session, visitor.key, now)}
    owner = {"clinic_id": visitor.clinic.id, "patient_id": visitor.patient.id}
    rows = [
        again | owner | {"contact_id": row.contact_id, "channel": row.channel}
        for row in visitors.stopped(session, visitor.key, visitor.audience)
    ]
    if rows:
        batches.insert(session, Consent, rows)
        _keep(session, visitor, "started-again", {"choice": "", "level": "routine"}, STARTED_AGAIN, now=now)
    return "started"


def _keep(
    session: Session,
    visitor: Visitor,
    kind: str,
    told: dict[str, Any],
    work: tuple[str, Level, str],
    *,
    now: datetime,
) -> None:
    id_ = new_id()
    owner = {"clinic_id": visitor.clinic.id, "patient_id": visitor.patient.id}
    row = owner | {"id": id_, "message_id": visitor.message_id, "kind": kind, "work_key": f"report/{id_}"}
    batches.insert(session, PatientReport, [row | {"at": now} | told])
    subject = ("patient", str(visitor.patient.id))
    audit.record(session, visitor.clinic.id, visitors.ACTOR, f"told {kind}", subject=subject, now=now)
    work_kind, level, role = work
    asked = {"kind": work_kind, "level": level, "role": role, "due_by": now + ladder.DUE_BY[level]}
    asked |= {"about": " ".join(told["reasons"]) if told.get("reasons") else None}
    work_items.raise_(session, [owner | asked | {"key": f"report/{id_}"}], now=now)
