"""A result arrives: it is judged at once, whatever its age, and what it tells becomes a work item."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import courses, results, work_items
from db.batches import Key, Values
from db.courses import CourseFacts
from db.tables import ResultStatus
from schedules import ladder, limits
from schedules.limits import Finding

REPLACING = (ResultStatus.CORRECTED, ResultStatus.CANCELLED, ResultStatus.ENTERED_IN_ERROR)
REPLACED = "The laboratory has since corrected or withdrawn this result."
JUDGED = (ResultStatus.FINAL, ResultStatus.CORRECTED, ResultStatus.PRELIMINARY)


def judge(session: Session, arrived: Iterable[Values], *, now: datetime) -> int:
    """Hold new results, by their columns, against their patients' limits; how many are beyond one.

    The finding of a result that one of them corrects or takes back is marked; only a person finishes it.
    """
    arrived = list(arrived)
    again = [row for row in arrived if row["status"] in REPLACING]
    work_items.remark(session, results.replaced(session, again), REPLACED)
    figures = [row for row in arrived if row["usable"] and row["status"] in JUDGED]
    known = _courses(session, {(row["clinic_id"], row["patient_id"]) for row in figures})
    raised = [work for row in figures for work in _work(row, known[row["patient_id"]], now)]
    work_items.raise_(session, raised, now=now)
    return len(raised)


def _courses(session: Session, patients: set[Key]) -> dict[UUID, list[CourseFacts]]:
    """The patients' courses whose protocols have limits at all."""
    found: dict[UUID, list[CourseFacts]] = defaultdict(list)
    for facts in courses.known(session, courses.of_patients(session, sorted(patients))):
        if facts.course.protocol.limits:
            found[facts.patient_id].append(facts)
    return found


def _work(row: Values, mine: Iterable[CourseFacts], now: datetime) -> Iterator[dict[str, Any]]:
    """One work item for a result, of the course whose limit is the most urgent."""
    beyond = [(facts, finding) for facts in mine for finding in _findings(row, facts)]
    if not beyond:
        return
    facts, finding = max(beyond, key=lambda one: limits.LEVELS.index(one[1].level))
    yield {
        "clinic_id": row["clinic_id"],
        "patient_id": row["patient_id"],
        "course_id": facts.id,
        "kind": "limit",
        "level": finding.level,
        "role": "prescriber",
        "key": results.finding_key(row["id"]),
        "due_by": now + ladder.DUE_BY[finding.level],
    }


def _findings(row: Values, facts: CourseFacts) -> tuple[Finding, ...]:
    course = facts.course
    return limits.judge(
        course.protocol.limits,
        analyte=row["analyte"],
        value=row["value"],
        on=row["collected_on"],
        indication=course.indication,
        flags=course.flags,
    )
