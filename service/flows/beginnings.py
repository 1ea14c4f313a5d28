"""Before a first dose: what of the baseline is missing, what does not go together, whose limits judge."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import courses, patients, work_items
from db.batches import Key
from db.courses import CourseFacts
from schedules import adults, baseline, interactions, ladder
from schedules import plan as planning
from schedules.baseline import Baseline
from schedules.facts import EventType
from schedules.fields import Level
from schedules.interactions import Finding
from schedules.protocol import Medicine
from service.errors import Fault, Problem
from service.flows import protocols

LEVEL: Level = "24h"


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """What is said beside a start: what a person attests, and who lets it begin without the rest, and why."""

    attested: tuple[str, ...] = ()
    decided_by: str | None = None
    reason: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {"attested": list(self.attested), "decided_by": self.decided_by, "reason": self.reason}


def check(protocol_asks: Iterable[Baseline], begun: Begun) -> None:
    """Problem when what is attested is not asked for, or who decides gives no name or reason."""
    asked = {one.id for one in protocol_asks}
    if not asked.issuperset(begun.attested):
        said = f"is not asked for by the protocol, which has: {', '.join(sorted(asked)) or 'nothing'}"
        raise Problem(422, "The request is not valid.", errors=[Fault("body.attested", said)])
    if (begun.decided_by is None) != (begun.reason is None):
        place = "body.decided_by" if begun.decided_by is None else "body.reason"
        said = "is missing: a start without the baseline has a clinician's name and a reason"
        raise Problem(422, "The request is not valid.", errors=[Fault(place, said)])


def missing(facts: CourseFacts) -> tuple[Baseline, ...]:
    """What the course's protocol asks for and is neither among the results nor attested."""
    course = facts.course
    measured = {component for draw in facts.draws for component in draw.components}
    return baseline.missing(
        course.protocol.baseline, measured=measured, attested=facts.attested,
        indication=course.indication, flags=course.flags,
    )  # fmt: skip


def look(session: Session, facts: CourseFacts, begun: Begun, *, today: date, now: datetime) -> None:
    """Look at a course that begins. Problem when it may not without a named clinician's reason."""
    check(facts.course.protocol.baseline, begun)
    absent = [one for one in missing(facts) if one.required]
    asked: list[dict[str, Any]] = []
    if absent and facts.course.start >= today:
        said = "; ".join(one.name for one in absent)
        if begun.decided_by is None:
            raise Problem(
                409,
                f"Before the first dose this is missing: {said}. Enter or attest it, or give the reason of a "
                "named clinician (decided_by, reason).",
            )
        about = f"Begun without: {said}. Decided by {begun.decided_by}: {begun.reason}"
        asked.append(_work(facts, "baseline-missing", LEVEL, f"baseline/{facts.id}", about, now))
    asked += [
        _work(facts, "interaction", one.level, f"interaction/{facts.id}/{one.interaction}", one.sentence, now)
        for one in flagged(session, facts)
    ]
    if not _judged(session, facts, today):
        about = "The protocol’s limits are not for this patient: only the clinic’s own protocol judges."
        asked.append(_work(facts, "limits-not-applied", LEVEL, f"limits/{facts.id}", about, now))
    work_items.raise_(session, asked, now=now)


def flagged(session: Session, facts: CourseFacts) -> tuple[Finding, ...]:
    """What the library says of this course's medicine beside the others that the patient is on."""
    mine = facts.course.protocol.medicine
    others = _medicines(session, (facts.clinic_id, facts.patient_id), but=facts.id)
    return _once(interactions.between(others, mine))


def _once(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Of the same two medicines once, whichever of them the source names first."""
    return tuple({one.interaction: one for one in found}.values())


def _medicines(session: Session, patient: Key, *, but: UUID | None = None) -> list[Medicine]:
    """What the patient is on by the courses that go on."""
    keys = [key for key in courses.of_patients(session, [patient]) if key[1] != but]
    known = courses.known(session, keys)
    return [facts.course.protocol.medicine for facts in known if not _ended(facts)]


def _ended(facts: CourseFacts) -> bool:
    return any(event.type in (EventType.STOP, *planning.FAREWELLS) for event in facts.events)


def _judged(session: Session, facts: CourseFacts, today: date) -> bool:
    protocol = facts.course.protocol
    row = patients.of(session, [(facts.clinic_id, facts.patient_id)])[facts.patient_id]
    own = protocols.is_own(protocol)
    judged = adults.judged_by(protocol, row.birth_date, facts.course.indication, today, own)
    return judged or not protocol.limits


def _work(facts: CourseFacts, kind: str, level: Level, key: str, about: str, now: datetime) -> dict[str, Any]:
    return {
        "clinic_id": facts.clinic_id, "patient_id": facts.patient_id, "course_id": facts.id, "kind": kind,
        "level": level, "role": "prescriber", "key": key, "about": about,
        "due_by": now + ladder.DUE_BY[level],
    }  # fmt: skip
