"""A value beyond a limit of its patient's protocol, as work for a person."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import courses
from db import patients as people
from db.batches import Key, Values
from db.courses import CourseFacts
from schedules import adults, ladder, limits
from schedules.facts import Draw
from schedules.limits import Finding
from schedules.protocol import Level
from service.flows.protocols import is_own


@dataclass(frozen=True, slots=True)
class Known:
    """A patient's birth date and courses."""

    born: date
    courses: Sequence[CourseFacts]


def patients(session: Session, keys: Iterable[Key]) -> Mapping[UUID, Known]:
    ordered = sorted(keys)
    mine: dict[UUID, list[CourseFacts]] = defaultdict(list)
    for facts in courses.known(session, courses.of_patients(session, ordered)):
        mine[facts.patient_id].append(facts)
    return {id_: Known(row.birth_date, mine[id_]) for id_, row in people.of(session, ordered).items()}


def judges(facts: CourseFacts, born: date, on: date) -> bool:
    protocol = facts.course.protocol
    return adults.judged_by(protocol, born, facts.course.indication, on, is_own(protocol))


def of(
    facts: CourseFacts, draws: Iterable[Draw], row: Values, *, looking_back: bool = False
) -> tuple[Finding, ...]:
    """What the course's limits, or those alone that look back, say to a value among these draws."""
    course = facts.course
    return limits.judge(
        (limit for limit in course.protocol.limits if limit.looks_back or not looking_back),
        analyte=row["analyte"],
        value=row["value"],
        on=row["collected_on"],
        before=limits.readings(draws, row["analyte"]),
        start=course.start,
        indication=course.indication,
        flags=course.flags,
    )


def sentence(facts: CourseFacts, finding: Finding) -> str:
    source = finding.limit.source or facts.course.protocol.source
    return f"{finding.sentence} Source: {source.title}."


def work(
    row: Values, facts: CourseFacts, kind: str, level: Level, role: str, key: str, *, now: datetime
) -> dict[str, Any]:
    about = {"clinic_id": row["clinic_id"], "patient_id": row["patient_id"], "course_id": facts.id}
    asked = {"kind": kind, "level": level, "role": role, "key": key}
    return about | asked | {"due_by": now + ladder.DUE_BY[level]}
