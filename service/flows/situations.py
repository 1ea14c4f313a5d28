"""What the guard of the sending loop looks at: the facts around messages, for each reminder its situation."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import clinics, contacts, patients, pauses, replies
from db.batches import Key
from db.items import Stored
from db.messages import Claimed
from db.reminders import Decision
from db.tables import Audience, Channel, Clinic, Pause
from schedules import days, ladder
from schedules.facts import Item
from schedules.guard import Situation
from schedules.ladder import Step
from service.flows import rungs, wordings
from service.flows.rungs import Person
from service.flows.wordings import Signed
from service.messages import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Saying:
    """One reminder that may be said: its row's id, its item, its rung."""

    id: UUID
    row: Stored
    step: Step


@dataclass(slots=True, kw_only=True)
class Seen:
    """The facts around the claimed messages, and what the guard decided about their reminders."""

    signed: frozenset[Signed]
    stored: dict[UUID, Stored]
    rows: dict[UUID, sa.Row]
    people: dict[UUID, Person]
    clinics: dict[UUID, Clinic]
    reachable: dict[tuple[UUID, Audience], list[sa.Row]]
    carried: frozenset[Channel]  # by the transports there are
    doubtful: Collection[UUID]  # messages that may have been said
    paused: dict[UUID, Pause]  # by clinic
    said_done: dict[UUID, datetime]  # by item, when the patient first said so
    stuck: set[UUID] = field(default_factory=set)  # of the doubtful, what may not be said again now
    sayings: dict[UUID, list[Saying]] = field(default_factory=lambda: defaultdict(list))
    decisions: list[Decision] = field(default_factory=list)
    passed: list[dict[str, Any]] = field(
        default_factory=list
    )  # rungs that were never written, for a later one took over
    later: list[tuple[sa.Row, datetime | None]] = field(default_factory=list)
    unreachable: set[tuple[UUID, UUID]] = field(default_factory=set)
    uncallable: set[UUID] = field(default_factory=set)  # clinics
    spoken_to: set[UUID] = field(default_factory=set)  # patients of whom, or to whom, something is said
    to_climb: list[Stored] = field(default_factory=list)


def see(
    session: Session,
    people: Sequence[Key],
    stored: dict[UUID, Stored],
    *,
    now: datetime,
    carried: frozenset[Channel] = frozenset(),
    doubtful: Collection[UUID] = (),
) -> Seen:
    """The facts around these patients and items, with nothing decided."""
    rows = patients.of(session, people)
    return Seen(
        signed=wordings.signed(session),
        stored=stored,
        rows=rows,
        people=rungs.people_of(session, rows),
        clinics={clinic.id: clinic for clinic in clinics.every(session)},
        reachable=_reachable(session, people, carried),
        carried=carried,
        doubtful=doubtful,
        paused={pause.clinic_id: pause for pause in pauses.lasting(session, now=now)},
        said_done=replies.first_done(session, [row.key for row in stored.values()]),
    )


def _reachable(
    session: Session, people: Sequence[Key], carried: frozenset[Channel]
) -> dict[tuple[UUID, Audience], list[sa.Row]]:
    """The contacts that may be used and that a transport carries; without transports all of the former."""
    found = contacts.reachable(session, people)
    if not carried:
        return found
    return {key: [row for row in rows if row.channel in carried] for key, rows in found.items()}


def of(seen: Seen, row: sa.Row, now: datetime) -> Situation:
    """What the guard looks at for one waiting reminder."""
    stored, patient = seen.stored[row.item_id], seen.rows[row.patient_id]
    item = stored.item
    hours = seen.people[row.patient_id].of(row.track.value)
    pause = seen.paused.get(row.clinic_id) if row.track.value in ladder.PEOPLE else None
    rests = _rests_until(seen, row)
    return Situation(
        now=now,
        people=row.track.value in ladder.PEOPLE,
        callable=sender(seen.clinics[row.clinic_id]).can_be_called,
        closed=item.class_ is not None,
        older_version=row.version != stored.version,
        gone=None if patient.ended_reason is None else patient.ended_reason.value,
        reachable=bool(seen.reachable.get((row.patient_id, row.track))),
        held=item.held,
        paused=None if pause is None else f"paused by {pause.by}: {pause.reason}",
        paused_until=None if pause is None else pause.until,
        said_done_until=rests,
        expires_at=_expires(item, patient) if row.track.value in ladder.PEOPLE else None,
        hours=hours,
    )


def _rests_until(seen: Seen, row: sa.Row) -> datetime | None:
    """The patient's rungs rest once the patient has said that it was done."""
    said = seen.said_done.get(row.item_id) if row.track is Audience.PATIENT else None
    return None if said is None else said + ladder.RESTS_AFTER_DONE


def sender(clinic: Clinic) -> Sender:
    return Sender(clinic.name, clinic.phone, clinic.emergency_number)


def _expires(item: Item, patient: sa.Row) -> datetime | None:
    if item.appointment is None:
        return None
    return days.instant(item.appointment.date(), item.appointment.time(), days.zone(patient.time_zone))


def useful_until(seen: Seen, sayings: Sequence[Saying], message: Claimed) -> datetime | None:
    """When nothing of a message can help any more; None when some of it always does."""
    patient = seen.rows[message.patient_id]
    ends = [_expires(saying.row.item, patient) for saying in sayings]
    known = [end for end in ends if end is not None]
    return max(known) if message.audience.value in ladder.PEOPLE and len(known) == len(ends) else None
