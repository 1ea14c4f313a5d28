"""Two records became one: every value is judged by what the other knew too, and by the other's courses.

What is new is a person's; what no longer holds is said on the work there is. Taken apart, the new is no work.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session

from db import courses, results, work_items
from db.batches import Key, Values
from db.courses import CourseFacts
from schedules import limits
from schedules.facts import Draw
from schedules.limits import Finding
from service.flows import findings, rejudged
from service.flows.findings import Known
from service.flows.rejudged import Change

BECAUSE = "Two records of the patient became one"


@dataclass(frozen=True, slots=True)
class Apart:
    """What each of the two records knew: its draws, and whose each value and course was."""

    draws: Mapping[UUID, Sequence[Draw]]
    values: Mapping[UUID, UUID]
    courses: Mapping[UUID, UUID]


def apart(session: Session, both: Sequence[Key]) -> Apart:
    return Apart(
        draws=results.draws(session, both),
        values={row["id"]: row["patient_id"] for row in results.counting(session, both)},
        courses={one.id: one.patient_id for one in _courses(session, both)},
    )


def _courses(session: Session, both: Sequence[Key]) -> Sequence[CourseFacts]:
    return courses.known(session, courses.of_patients(session, both))


def judge(session: Session, key: Key, former: UUID, was: Apart, *, now: datetime) -> int:
    """How many values are newly beyond a limit, now that they are one patient's."""
    raised = []
    known = findings.patients(session, [key])[key[1]]
    for value in results.counting(session, [key]):
        changes = list(_changes(known, value, was))
        for change in changes:
            rejudged.mark(session, change, BECAUSE)
        found = [(change, finding) for change in changes for finding in change.new]
        if found:
            raised.append(_work(*max(found, key=_urgency), former, now))
    work_items.raise_(session, raised, now=now)
    return len(raised)


def _changes(known: Known, value: Values, was: Apart) -> Iterator[Change]:
    whose = was.values.get(value["id"])
    for facts in known.courses:
        if findings.judges(facts, known.born, value["collected_on"]):
            same = was.courses.get(facts.id) == whose
            before = findings.of(facts, was.draws.get(whose, ()), value) if same and whose else ()
            yield rejudged.difference(facts, value, before, findings.of(facts, facts.draws, value))


def _urgency(found: tuple[Change, Finding]) -> int:
    return limits.LEVELS.index(found[1].level)


def _work(change: Change, finding: Finding, former: UUID, now: datetime) -> dict[str, Any]:
    key = f"{results.finding_key(change.value['id'])}/{former}"
    work = findings.work(change.value, change.facts, "limit", finding.level, "prescriber", key, now=now)
    return work | {"about": f"{findings.sentence(change.facts, finding)} {BECAUSE}."}


def take_back(session: Session, clinic_id: UUID, former: UUID, *, now: datetime) -> None:
    """They are two again: what was asked for their being one is asked of nobody."""
    every = work_items.beginning(session, clinic_id, results.FINDING)
    mine = [key for key in every if key[1].endswith(f"/{former}")]
    work_items.take_back(session, mine, why="the two records were taken apart again", now=now)
