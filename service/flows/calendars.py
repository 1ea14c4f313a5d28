"""A patient's dates as a calendar feed: one event a duty, in words that anybody may see.

Booked visits stand at their moment in UTC, so no program needs to know a zone; duties by a day stand on that
day, or the open day before it. An event keeps its UID; SEQUENCE goes up when its day moves or the clinic's
closed days change, and what is no longer planned is CANCELLED.
"""

from datetime import date, datetime, timedelta
from uuid import UUID

from icalendar import Calendar, Event
from sqlmodel import Session

from db import clinics, closed_days, courses, items, patients
from db.items import Stored
from db.tables import Clinic
from schedules import days
from schedules.closed_days import ClosedDays, told
from schedules.facts import Class, Item
from service.flows import wordings
from service.messages import catalogues
from service.messages.catalogues import Catalogue

LASTS = timedelta(minutes=30)  # a visit in a calendar: no source says how long one takes
KEPT = timedelta(days=90)  # what has been stays that long
OFF = frozenset({Class.WITHDRAWN, Class.ENDED, Class.HELD, Class.NOT_MONITORED_HERE, Class.COVERED})


def feed(session: Session, patient_id: UUID, *, now: datetime) -> bytes | None:
    """The feed; None when there is no such patient, or nothing is planned for them any more."""
    patient = patients.one(session, patient_id)
    if patient is None or patient.ended_reason is not None:
        return None
    clinic = clinics.get(session, patient.clinic_id)
    assert clinic is not None
    words = catalogues.every()[wordings.spoken(patient, wordings.signed(session))]
    calendar = Calendar()
    calendar.add("prodid", "-//nextcount//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("refresh-interval", timedelta(hours=12), parameters={"VALUE": "DURATION"})
    stored = items.of_courses(session, courses.of_patients(session, [(patient.clinic_id, patient_id)]))
    newest, closed = closed_days.newest(session, clinic.id), closed_days.of_one(session, clinic.id)
    changes = 0 if newest is None else int(newest.version)
    for row in sorted((row for rows in stored.values() for row in rows), key=lambda row: row.id):
        if row.item.due_on >= (now - KEPT).date():
            event = _event(row, _day(row.item, closed), clinic, words, patient.time_zone)
            event.add("sequence", row.version - 1 + changes)
            calendar.add_component(event)
    return bytes(calendar.to_ical())


def _day(item: Item, closed: ClosedDays) -> date:
    """On which a duty by a day stands: an open one, where there is one in time."""
    return item.due_on if item.class_ is not None else told(closed, item, item.opens_on)


def _event(row: Stored, day: date, clinic: Clinic, words: Catalogue, zone: str) -> Event:
    item = row.item
    event = Event()
    event.add("uid", f"{row.id}@nextcount")
    event.add("dtstamp", row.version_at)
    if item.appointment is None:
        event.add("dtstart", day)
        event.add("dtend", days.shift(day, 1))
    else:
        begins = days.instant(item.appointment.date(), item.appointment.time(), days.zone(zone))
        event.add("dtstart", begins)
        event.add("dtend", begins + LASTS)
    event.add("summary", f"{words.patient.things.of(item.kind, 'neutral')}: {clinic.name}")
    event.add("description", words.phone.format(phone=clinic.phone))
    event.add("status", "CANCELLED" if item.class_ in OFF else "CONFIRMED")
    event.add("transp", "OPAQUE" if item.appointment is not None else "TRANSPARENT")
    return event
