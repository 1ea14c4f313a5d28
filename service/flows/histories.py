"""Courses as an import gives them, each with what is known to have happened to it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import imports, versions
from db.types import new_id
from schedules import adults, facts, library
from schedules import plan as planning
from schedules.days import Duration
from schedules.facts import Event, EventType
from schedules.protocol import Protocol
from service.flows.intake import Columns, Intake, Person
from service.ingest.rows import CourseRow, EventRow, PatientKey

NO_PROTOCOL = "there is no such protocol"
ENDS = (EventType.STOP, *planning.FAREWELLS)


@dataclass(frozen=True, slots=True)
class News:
    """One event that a row adds to one course."""

    event: Event
    row: EventRow


@dataclass(slots=True, kw_only=True)
class History:
    """One course, stored or new: what is known to have happened, and what the batch adds."""

    person: Person
    id: UUID
    protocol_id: str
    course: facts.Course
    events: list[Event]
    stored: list[sa.Row] = field(default_factory=list)  # the rows of the events
    row: CourseRow | None = None  # None: it is stored
    columns: Columns | None = None
    news: list[News] = field(default_factory=list)

    def ended_by(self, other: "History") -> bool:
        """Whether this course is over when the other one begins."""
        happened = [*self.events, *(news.event for news in self.news)]
        return any(event.type in ENDS and event.on <= other.course.start for event in happened)


Histories = dict[PatientKey, list[History]]


def stored(session: Session, intake: Intake, known: imports.Known) -> Histories:
    """The courses that these patients have already."""
    stands = versions.standing(session, [row for rows in known.courses.values() for row in rows])
    return defaultdict(
        list,
        {
            key: [
                _history(person, row, stands[row.id], known.events.get(row.id, []))
                for row in known.courses.get(person.id, [])
            ]
            for key, person in intake.people.items()
        },
    )


def _history(person: Person, row: sa.Row, stands: facts.Course, events: Sequence[sa.Row]) -> History:
    course = replace(stands, flags=frozenset(row.flags))  # as it was enrolled: an import says that again
    happened = [_happened(event) for event in events]
    return History(
        person=person,
        id=row.id,
        protocol_id=row.protocol_id,
        course=course,
        events=[*happened, *([person.ending] if person.ending else [])],
        stored=list(events),
    )


def _happened(row: sa.Row) -> Event:
    every = None if row.every is None else Duration.parse(row.every)
    at = None if row.at_local is None else datetime.fromisoformat(row.at_local)
    return Event(
        on=row.on, type=row.type, recorded_at=row.recorded_at, clock=row.clock, reason=row.reason,
        review_on=row.review_on, every=every, due_on=row.due_on, decided_by=row.decided_by,
        at=at,
    )  # fmt: skip


# ---- courses


def add_course(intake: Intake, row: CourseRow, found: Histories, given: Mapping[str, Protocol]) -> None:
    person = intake.whose(row)
    if person is None:
        return
    same = [h for h in found[row.patient] if h.protocol_id == row.protocol and h.course.start == row.start]
    if same:
        _same_course(intake, row, same[0].course)
        return
    protocol = given.get(row.protocol) or library.protocols().get(row.protocol)
    if refusal := _cannot_begin(row, person, protocol):
        intake.refuse(row, *refusal)
    elif protocol is not None:
        found[row.patient].append(_new(intake, row, person, protocol))


def _same_course(intake: Intake, row: CourseRow, stored: facts.Course) -> None:
    said = (row.enrolled, row.indication, frozenset(row.flags))
    if said == (stored.enrolled, stored.indication, stored.flags):
        intake.take(row)
    else:
        what = "this course is stored with another enrolled, indication or flags"
        intake.refuse(row, what, "correct the row, or undo the import that said otherwise")


def _cannot_begin(row: CourseRow, person: Person, protocol: Protocol | None) -> tuple[str, str] | None:
    if protocol is None:
        packaged = ", ".join(library.protocols())
        return NO_PROTOCOL, f"give its file with --protocol, or use one of {packaged}"
    if protocol.adults_only and not adults.is_adult(person.birth_date, row.start):
        return "the protocol's limits are adult and the patient is under 18", "use the clinic's own protocol"
    if person.ending is not None and person.ending.on < row.start:
        return "the patient's end is before the start of the course", "correct the one that is wrong"
    return None


def _new(intake: Intake, row: CourseRow, person: Person, protocol: Protocol) -> History:
    course = facts.Course(
        protocol=protocol,
        start=row.start,
        indication=row.indication,
        flags=frozenset(row.flags),
        enrolled=row.enrolled,
    )
    columns: Columns = {
        "clinic_id": person.clinic_id,
        "id": new_id(),
        "patient_id": person.id,
        "protocol_id": protocol.id,
        "protocol_hash": protocol.hash,
        "medicine": protocol.medicine.name,
        "start": row.start,
        "enrolled": row.enrolled,
        "indication": row.indication,
        "flags": list(row.flags),
        "created_at": intake.now,
    }
    return History(
        person=person,
        id=columns["id"],
        protocol_id=protocol.id,
        course=course,
        events=[person.ending] if person.ending else [],
        row=row,
        columns=columns,
    )
