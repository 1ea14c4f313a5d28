"""A check-in's answers arrive: kept as they came, judged, and a person asked, all in one transaction.

Whatever is red opens exactly one work item with it. A rule that fails is red too: nobody waits for a mend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

import structlog
from sqlmodel import Session

from db import audit, batches, check_ins, items, results, work_items
from db.items import Stored
from db.tables import Bound, CheckIn, CheckInAnswer
from db.types import new_id
from schedules import ladder, library, triage
from schedules.facts import EventType
from schedules.questions import QuestionSet
from schedules.triage import Assessment, Context, Given
from service.flows import replies, visitors
from service.flows.visitors import Visitor

LONGEST_TEXT, LONGEST_CHOICE = 500, 64
PREFIX = "q."  # of the names of a form's fields: q.fever, q.fever.number, q.contact.on
KIND, ROLE = "check-in", "clinician"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What a form brought: which check-in it names, and what came for each question."""

    item: str
    given: Mapping[str, Given]


def read(form: Mapping[str, str]) -> Submission:
    """A form's fields, however odd: what cannot be read is kept for a person."""
    fields = {name.removeprefix(PREFIX): value for name, value in form.items() if name.startswith(PREFIX)}
    names = dict.fromkeys(name.partition(".")[0] for name in fields)
    return Submission(item=form.get("item", ""), given={name: _given(name, fields) for name in names})


def _given(name: str, fields: Mapping[str, str]) -> Given:
    def part(end: str, longest: int = LONGEST_CHOICE) -> str:
        return _plain(fields.get(f"{name}{end}", ""))[:longest]

    on, text = part(".on"), part(".text", LONGEST_TEXT)
    day = day_of(on)
    unread = f"{on} " if on and day is None else ""
    return Given(
        choice=part(""),
        number=part(".number"),
        unit=part(".unit") or "c",
        on=day,
        text=f"{unread}{text}".strip()[:LONGEST_TEXT],
    )


def _plain(text: str) -> str:
    return text.replace("\0", "").strip()


def day_of(text: str) -> date | None:
    """A day as a form sends it; None for what is none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def take(session: Session, visitor: Visitor, said: Submission, *, now: datetime) -> Assessment:
    """Keep the answers, close the check-in that they name, and ask a person where one must look."""
    bound, item = _bind(session, visitor, said.item)
    context = _context(session, visitor, bound)
    found = evaluate(library.question_set(), said.given, context)
    check_in_id = new_id()
    key = None if found.level == triage.ROUTINE else f"check-in/{check_in_id}"
    row = {
        "clinic_id": visitor.clinic.id,
        "id": check_in_id,
        "patient_id": visitor.patient.id,
        "message_id": visitor.message_id,
        "item_id": None if item is None else item.id,
        "bound": bound,
        "work_key": key,
        "at": now,
    }
    _write(session, row, said, found, context)
    _record(session, visitor, found, check_in_id, now)
    if key is not None:
        work_items.raise_(session, [_work_item(visitor, found, key, now)], now=now)
    if bound is Bound.ASKED and item is not None:
        rows = _answered(session, visitor, item)
        replies.happened(session, visitor, rows, EventType.ANSWERED, reason=None, now=now)
    return found


def _answered(session: Session, visitor: Visitor, item: Stored) -> list[Stored]:
    """The check-in that was named, and each other that is open by now: a patient has one question set."""
    duties = visitors.duties(session, visitor)
    open_ = [duty.row for duty in duties if duty.kind == "check-in" and duty.row.id != item.id]
    return [item, *(row for row in open_ if row.item.opens_on <= visitor.today)]


def evaluate(asked: QuestionSet, given: Mapping[str, Given], context: Context) -> Assessment:
    """What the rules say; red where one of them fails."""
    try:
        return triage.assess(asked, given, context)
    except Exception:
        log.exception("a check-in could not be evaluated")
        return triage.not_evaluated(asked)


def _bind(session: Session, visitor: Visitor, named: str) -> tuple[Bound, Stored | None]:
    """To the check-in that the form names, while it is open; never to another."""
    open_ = [duty.row for duty in visitors.duties(session, visitor) if duty.kind == "check-in"]
    if not named:
        return (Bound.UNCLEAR if open_ else Bound.UNASKED), None
    row = next((row for row in open_ if row.id.hex == named), None)
    if row is not None:
        return Bound.ASKED, row
    earlier = _own(session, visitor, named)
    return (Bound.UNCLEAR if earlier is None else Bound.LATE), earlier


def _own(session: Session, visitor: Visitor, named: str) -> Stored | None:
    try:
        id_ = UUID(named)
    except ValueError:
        return None
    found = items.of(session, [(visitor.clinic.id, id_)]).get(id_)
    mine = found is not None and found.patient_id == visitor.patient.id and found.item.kind == "check-in"
    return found if mine else None


def _context(session: Session, visitor: Visitor, bound: Bound) -> Context:
    draws = results.draws(session, [visitor.key]).get(visitor.patient.id, ())
    counts = [(draw.on, draw.values["anc"]) for draw in draws if "anc" in draw.values]
    return Context(
        before=check_ins.last_choices(session, visitor.key),
        neutrophils=max(counts)[1] if counts else None,
        misplaced=bound in (Bound.LATE, Bound.UNCLEAR),
    )


def _write(
    session: Session, row: dict[str, Any], said: Submission, found: Assessment, context: Context
) -> None:
    asked = library.question_set()
    judged = {"level": found.level, "reasons": _reasons(found), "advice": list(found.advice)}
    about = {"set_id": asked.id, "set_version": asked.version, "context": _as_json(context)}
    batches.insert(session, CheckIn, [row | judged | about])
    owner = {"clinic_id": row["clinic_id"], "check_in_id": row["id"]}
    answers = [owner | {"question": name} | _columns(one) for name, one in said.given.items()]
    batches.insert(session, CheckInAnswer, answers)


def _reasons(found: Assessment) -> list[dict[str, Any]]:
    return [
        {"level": each.level, "sentence": each.sentence, "source": each.source, "question": each.question}
        for each in found.reasons
    ]


def _columns(one: Given) -> dict[str, Any]:
    return {
        "choice": one.choice,
        "number": one.number or None,
        "unit": one.unit if one.number else None,
        "on": one.on,
        "text": one.text or None,
    }


def _as_json(context: Context) -> dict[str, Any]:
    count = context.neutrophils
    return {
        "before": dict(context.before),
        "neutrophils": None if count is None else str(count),
        "misplaced": context.misplaced,
    }


def _record(session: Session, visitor: Visitor, found: Assessment, check_in_id: UUID, now: datetime) -> None:
    subject, detail = (
        ("patient", str(visitor.patient.id)),
        {"check_in": str(check_in_id), "level": found.level},
    )
    audit.record(
        session,
        visitor.clinic.id,
        visitors.ACTOR,
        "answered check-in",
        subject=subject,
        now=now,
        detail=detail,
    )


def _work_item(visitor: Visitor, found: Assessment, key: str, now: datetime) -> dict[str, Any]:
    """Of no item: what closes that must not close this."""
    return {
        "clinic_id": visitor.clinic.id,
        "patient_id": visitor.patient.id,
        "kind": KIND,
        "level": found.level,
        "role": ROLE,
        "key": key,
        "due_by": now + ladder.DUE_BY[found.level],
        "about": " ".join(reason.sentence for reason in found.reasons),
    }
