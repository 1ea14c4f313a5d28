"""The waiting rung of each open item and track: planned, given a message, planned again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from importlib.metadata import version
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import clinics, closed_days, contacts, courses, messages, patients, reminders, work_items
from db.batches import Key
from db.items import Stored
from db.messages import Claimed, Slot
from db.tables import Audience, Channel, MessageState, ReminderState
from schedules import days, ladder
from schedules.closed_days import NEVER, ClosedDays
from schedules.days import QuietHours
from schedules.ladder import Hours, Step, Track
from service.flows import feasibility
from service.flows.doubts import Tried

QUARTER = timedelta(minutes=15)
TZDATA = version("tzdata")
IN_HAND = (MessageState.CLAIMED, MessageState.UNKNOWN)
AT_HOME = frozenset({Audience.PATIENT, Audience.CARER})


@dataclass(frozen=True, slots=True)
class Person:
    """When a patient's reminders go out, and who besides the patient gets them."""

    hours: Hours
    staff: Hours
    has_carer: bool

    def of(self, track: Track) -> Hours:
        return self.hours if track in ladder.PEOPLE else self.staff

    def tracks(self, ladder_id: str) -> tuple[Track, ...]:
        found = ladder.ladders()[ladder_id].tracks
        return (*found, "carer") if self.has_carer and "patient" in found else found


def hours_of(row: sa.Row, closed: ClosedDays) -> Hours:
    """The sending hours of a patient's row, in a clinic that is closed on these days."""
    return _hours(row.time_zone, row.preferred_time, row.quiet_start, row.quiet_end, closed)


@lru_cache(maxsize=4096)
def _hours(
    zone: str, at: time, quiet_start: time | None, quiet_end: time | None, closed: ClosedDays
) -> Hours:
    quiet = None if quiet_start is None or quiet_end is None else QuietHours(quiet_start, quiet_end)
    return Hours(zone=days.zone(zone), at=at, quiet=quiet, closed=closed)


def people(session: Session, keys: Iterable[Key]) -> dict[UUID, Person]:
    """By patient id: zone, preferred time, quiet hours, the clinic's zone, whether there is a carer."""
    return people_of(session, patients.hours_of(session, list(set(keys))))


def people_of(session: Session, rows: Mapping[UUID, sa.Row]) -> dict[UUID, Person]:
    carers = contacts.with_carer(session, [(row.clinic_id, id_) for id_, row in rows.items()])
    zones = clinics.zones(session)
    staff = {clinic_id: ladder.staff_hours(days.zone(zone)) for clinic_id, zone in zones.items()}
    closed = closed_days.of(session, {row.clinic_id for row in rows.values()})
    return {
        id_: Person(
            hours=hours_of(row, closed.get(row.clinic_id, NEVER)),
            staff=staff[row.clinic_id],
            has_carer=id_ in carers,
        )
        for id_, row in rows.items()
    }


def climb(session: Session, rows: Sequence[Stored], *, now: datetime) -> None:
    """Give every track of these open, locked items its waiting rung: the next after what was decided.

    A rung waits without a message while its item is held or its import is not released: nothing sends it.
    """
    rows = [row for row in rows if row.item.class_ is None]
    who = people(session, ((row.clinic_id, row.patient_id) for row in rows))
    past = reminders.standing(session, [row.key for row in rows])
    silent = courses.unreleased(session, list({(row.clinic_id, row.course_id) for row in rows}))
    new: list[dict[str, Any]] = []
    again: list[dict[str, Any]] = []
    unheard: dict[UUID, Stored] = {}
    for row in rows:
        held_back = row.item.held or row.course_id in silent
        for track in who[row.patient_id].tracks(row.item.ladder):
            planned = _plan_track(row, track, who[row.patient_id], past.get(row.id, []), held_back)
            if planned is not None:
                (again if "id" in planned else new).append(planned)
                if feasibility.is_too_late(
                    row.item, track, who[row.patient_id].of(track), planned["send_at"]
                ):
                    unheard[row.id] = row
    _attach(session, new, again, now=now)
    work_items.raise_(session, feasibility.work(list(unheard.values()), now=now), now=now)


def _plan_track(
    row: Stored, track: Track, person: Person, past: Sequence[sa.Row], held_back: bool
) -> dict[str, Any] | None:
    """The columns of the track's waiting rung where they change, with the id of the one that waits already.

    One whose message is in a worker's hands stays as it is: that worker says what comes next.
    """
    mine = [r for r in past if r.version == row.version and r.track == track]
    after = max((r.position for r in mine if r.decided_at is not None), default=0)
    step = ladder.next_rung(row.item, track, hours=person.of(track), begins=row.version_at, after=after)
    if step is None:
        return None
    planned = reminder_row(row, track, step, person.of(track)) | {"held_back": held_back}
    waiting = next((r for r in mine if r.decided_at is None), None)
    if waiting is None:
        return planned
    same = (waiting.position, waiting.send_at) == (step.position, step.planned)
    settled = same and (waiting.message_id is None) == held_back
    return None if settled or waiting.message_state in IN_HAND else planned | {"id": waiting.id}


def reminder_row(row: Stored, track: Track, step: Step, hours: Hours) -> dict[str, Any]:
    """The columns of one rung that waits."""
    return {
        "clinic_id": row.clinic_id,
        "item_id": row.id,
        "patient_id": row.patient_id,
        "version": row.version,
        "track": Audience(track),
        "rung": step.name,
        "position": step.position,
        "day": step.day,
        "at_local": f"{hours.at:%H:%M}",
        "zone": str(hours.zone),
        "tzdata_version": TZDATA,
        "send_at": step.planned,
        "effect": step.rung.effect,
    }


def _attach(
    session: Session, new: list[dict[str, Any]], again: list[dict[str, Any]], *, now: datetime
) -> None:
    slots = message_slots(session, [r for r in (*new, *again) if not r["held_back"]], now=now)
    for row in (*new, *again):
        row["message_id"] = None if row.pop("held_back") else slots[slot_of(row)]
    reminders.add(session, [row | {"state": ReminderState.WAITING} for row in new])
    reminders.move(session, again)


def slot_of(row: Mapping[str, Any]) -> Slot:
    return Slot(row["clinic_id"], row["patient_id"], row["track"], ladder.quarter(row["send_at"]))


def message_slots(session: Session, rows: Sequence[Mapping[str, Any]], *, now: datetime) -> dict[Slot, UUID]:
    """A message for each reminder's quarter of an hour, or for the next whose message was not said yet."""
    wanted = {slot_of(row): row["send_at"] for row in rows}
    found: dict[Slot, UUID] = {}
    shifted = {slot: slot for slot in wanted}
    while shifted:
        asked = [
            (slot, channel_of(slot.audience), max(wanted[of], slot.quarter)) for of, slot in shifted.items()
        ]
        made = messages.ensure(session, asked, now=now)
        found |= {of: made[slot] for of, slot in shifted.items() if slot in made}
        left = {of: slot for of, slot in shifted.items() if slot not in made}
        shifted = {of: slot._replace(quarter=slot.quarter + QUARTER) for of, slot in left.items()}
    return found


def channel_of(audience: Audience, contact: sa.Row | None = None) -> Channel:
    """The contact's. Without one, staff rungs go to the work list and everything else to the local outbox.

    Planned messages name the latter: contacts, consents and transports of the day are looked at in the claim.
    """
    if contact is not None:
        return Channel(contact.channel)
    return Channel.OUTBOX if audience in AT_HOME else Channel.WORKLIST


def routes(
    message: Claimed,
    reachable: Mapping[tuple[UUID, Audience], Sequence[sa.Row]],
    tried: Tried,
    *,
    carried: frozenset[Channel],
) -> list[sa.Row]:
    """The contacts a message may go to, the next first: on its own channel, then on those not yet tried.

    None without a transport. In doubt there is one way: the way it may have gone.
    """
    if message.audience not in AT_HOME or not carried:
        return []
    found = reachable.get((message.patient_id, message.audience), ())
    if tried.doubt is not None:
        return [row for row in found if row.id == tried.doubt.contact_id]
    over = tried.channels - {message.channel}
    left = [row for row in found if row.channel not in over] or list(found)
    return sorted(left, key=lambda row: row.channel != message.channel)
