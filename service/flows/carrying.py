"""What goes along when the monitoring of a course passes to another clinic, so that its dates stay.

The receiver's course has the protocol, the anchor and all that happened; its plan is that of the old one, but
what was before the day of the hand-over is not the receiver's to answer for.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches, contacts, courses, items, merges, patients, protocols, results
from db.batches import Key
from db.courses import CourseFacts
from db.tables import Consent, Contact, Course, CourseEvent, Patient, Result
from schedules.plan import FAREWELLS
from schedules.protocol import Protocol
from service.errors import Problem
from service.flows import reach
from service.flows.courses import replan
from service.flows.protocols import is_own

OF_A_COURSE = ("protocol_id", "medicine", "start", "indication", "dose", "baseline")
OF_AN_EVENT = (
    "on", "type", "clock", "reason", "review_on", "every", "due_on", "decided_by", "at_local", "dose",
    "recorded_at",
)  # fmt: skip
OF_A_RESULT = (
    "analyte", "value", "value_as_sent", "unit_as_sent", "collected_on", "collected_at", "resulted_at",
    "status", "usable", "problem", "recorded_at", "source",
)  # fmt: skip
OF_A_PATIENT = (
    "authority", "mrn", "name", "birth_date", "sex", "time_zone", "language", "preferred_time", "quiet_start",
    "quiet_end", "wording",
)  # fmt: skip
OF_A_CONTACT = ("audience", "channel", "address", "bad_since", "relation", "ends_on")
OF_A_CONSENT = ("purpose", "channel", "given", "source", "wording", "at")


def receive(session: Session, row: sa.Row, clinic_id: UUID, *, now: datetime) -> Key:
    """The patient's record in that clinic: the one with this number and birth date, else a new one.

    Results and ways to the patient go along; of two answers for one address the newer one counts.
    """
    key = _record(session, row, clinic_id, now)
    carry_results(session, (row.clinic_id, row.id), key)
    _carry_contacts(session, row, key)
    return key


def _record(session: Session, row: sa.Row, clinic_id: UUID, now: datetime) -> Key:
    number = row.authority, row.mrn
    id_ = merges.by_number(session, clinic_id, [number]).get(number)
    if id_ is None:
        said = _some(row, OF_A_PATIENT) | {"clinic_id": clinic_id, "created_at": now}
        [made] = batches.insert(session, Patient, [said])
        return clinic_id, made["id"]
    key = clinic_id, id_
    patients.lock(session, key)
    there = patients.of(session, [key])[id_]
    if there.birth_date != row.birth_date:
        raise Problem(409, "Your patient with this number has another date of birth: clear that up first.")
    if there.ended_reason is not None:
        raise Problem(409, "Your patient with this number has ended: take that back first.")
    return key


def carry_results(session: Session, of: Key, to: Key) -> list[dict[str, Any]]:
    """What the one record knows and the other does not; the rows that were new there."""
    same = ("analyte", "collected_on", "collected_at", "resulted_at", "status", "value_as_sent")
    mine = results.of_patients(session, [of]).get(of[1], [])
    there = {_known(one, same) for one in results.of_patients(session, [to]).get(to[1], [])}
    new = [one for one in mine if _known(one, same) not in there]
    owner = {"clinic_id": to[0], "patient_id": to[1]}
    return batches.insert(session, Result, [owner | _some(one, OF_A_RESULT) for one in new])


def _carry_contacts(session: Session, row: sa.Row, to: Key) -> None:
    key = row.clinic_id, row.id
    there = {_place(one): one.id for one in contacts.of_patients(session, [to]).get(to[1], [])}
    answers = {one.contact_id: one for one in contacts.consents(session, [to]).get(to[1], [])}
    owner, ids = {"clinic_id": to[0], "patient_id": to[1]}, dict[UUID, UUID]()
    for one in contacts.of_patients(session, [key]).get(key[1], []):
        if (id_ := there.get(_place(one))) is None:
            id_ = batches.insert(session, Contact, [owner | _some(one, OF_A_CONTACT)])[0]["id"]
        ids[one.id] = id_
    for answer in contacts.consents(session, [key]).get(key[1], []):
        id_ = ids.get(answer.contact_id)
        stands = answers.get(id_)
        if (id_ or answer.contact_id is None) and (stands is None or stands.at < answer.at):
            batches.insert(session, Consent, [owner | _some(answer, OF_A_CONSENT) | {"contact_id": id_}])


def begin(session: Session, facts: CourseFacts, to: Key, *, on: date, now: datetime) -> UUID:
    """The course goes on for that record, whose clinic answers for it from `on`; the new course's id.

    Problem when it would ask for anything later than before.
    """
    _is_new(session, facts, to)
    _has(session, to[0], facts.course.protocol)
    due = _due(session, facts.key)
    row, course = _row(session, facts.key), facts.course
    said = _some(row, OF_A_COURSE) | {
        "clinic_id": to[0], "patient_id": to[1], "flags": sorted(course.flags), "created_at": now,
        "protocol_hash": protocols.pin(session, to[0], course.protocol, now=now), "enrolled": on,
        "monitored_since": course.monitored_since or course.enrolled or course.start,
    }  # fmt: skip
    [made] = batches.insert(session, Course, [said])
    key = to[0], made["id"]
    batches.insert(session, CourseEvent, _events(session, facts, key))
    replan(session, [key], now=now)
    _no_later(due, _due(session, key))
    reach.look(session, [to], now=now)
    return key[1]


def _is_new(session: Session, facts: CourseFacts, to: Key) -> None:
    for one in courses.known(session, courses.of_patients(session, [to])):
        ended = any(event.type in FAREWELLS or event.type == "stop" for event in one.events)
        if one.course.protocol.id == facts.course.protocol.id and not ended and one.key != facts.key:
            raise Problem(409, "The patient has an active course under this protocol already: end one first.")


def _has(session: Session, clinic_id: UUID, protocol: Protocol) -> None:
    """Another clinic's own protocol comes into force nowhere without that clinic's two persons."""
    if is_own(protocol) and protocol.hash not in {row.hash for row in protocols.kept(session, clinic_id)}:
        name = f"{protocol.id}@{protocol.version}"
        raise Problem(
            409, f"{name} is a clinic's own protocol: have the same approved in the receiving clinic first."
        )


def _row(session: Session, key: Key) -> sa.Row:
    [row] = batches.fetch(session, sa.select(batches.table(Course)), batches.table(Course), [key])
    return row


def _events(session: Session, facts: CourseFacts, to: Key) -> list[dict[str, Any]]:
    """All that happened to it but its end; what named a clock that the version no longer has is past."""
    events = batches.table(CourseEvent)
    clocks = {None, *(clock.id for clock in facts.course.protocol.clocks)}
    query = sa.select(events).where(events.c.voided_at.is_(None)).order_by(events.c.recorded_at, events.c.id)
    rows = batches.fetch(session, query, events, [facts.key], column="course_id")
    kept = [row for row in rows if row.clock in clocks and row.type not in FAREWELLS]
    return [{"clinic_id": to[0], "course_id": to[1]} | _some(row, OF_AN_EVENT) for row in kept]


def _due(session: Session, key: Key) -> dict[str, date]:
    rows = items.of_courses(session, [key]).get(key[1], [])
    return {row.item.clock: row.item.due_on for row in rows if row.item.class_ is None}


def _no_later(before: Mapping[str, date], after: Mapping[str, date]) -> None:
    for clock, due in before.items():
        if clock not in after or after[clock] > due:
            raise Problem(409, f"{clock}, due on {due}, would be due later there: set its day first.")


def _some(row: sa.Row, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in names}


def _known(row: sa.Row, names: Sequence[str]) -> tuple[object, ...]:
    return tuple(getattr(row, name) for name in names)


def _place(row: sa.Row) -> tuple[object, ...]:
    return row.audience, row.channel, row.address
