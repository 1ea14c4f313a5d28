"""Contacts, consents and results of a batch: what belongs to a patient alone, and to no course."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from db import contacts, imports
from db.tables import Consent, Contact, Result, ResultStatus
from db.types import new_id
from schedules import days
from service.flows.intake import Columns, Intake, Person, differs
from service.ingest.rows import ContactRow, ResultRow

SOURCE = "import"


def add_contacts(intake: Intake, rows: Sequence[ContactRow], known: imports.Known) -> None:
    for row in rows:
        if person := intake.whose(row):
            _contact(intake, row, person, known)


def _contact(intake: Intake, row: ContactRow, person: Person, known: imports.Known) -> None:
    columns: Columns = {
        "clinic_id": person.clinic_id,
        "patient_id": person.id,
        "audience": row.audience,
        "channel": row.channel,
        "address": row.address,
    }
    stored = [found for found in known.contacts.get(person.id, []) if not differs(found, columns)]
    contact_id = stored[0].id if stored else new_id()
    new: list[tuple[type[SQLModel], Columns]] = []
    if not stored:
        new.append((Contact, columns | {"id": contact_id}))
    answer = _consent(row, person, contact_id)
    if answer and all(differs(found, answer) for found in known.consents.get(contact_id, [])):
        new.append((Consent, answer))
    intake.take(row, *new)


def _consent(row: ContactRow, person: Person, contact_id: UUID) -> Columns | None:
    """Every answer is kept, and the newest counts; one of which only the day is known is of its beginning."""
    if row.consent is None or row.consent_at is None:
        return None
    begins = days.instant(row.consent_at.local_day(person.zone), time(0), person.zone)
    return {
        "clinic_id": person.clinic_id,
        "patient_id": person.id,
        "contact_id": contact_id,
        "purpose": contacts.REMINDERS,
        "channel": row.channel,
        "given": row.consent,
        "source": row.consent_source,
        "wording": row.consent_wording,
        "at": row.consent_at.instant(person.zone) or begins,
    }


def add_results(intake: Intake, rows: Sequence[ResultRow], known: imports.Known) -> None:
    stored: dict[tuple[Any, ...], set[tuple[Any, ...]]] = defaultdict(set)
    for found in (found for results in known.results.values() for found in results):
        key = (found.patient_id, found.analyte, found.collected_on, found.collected_at, found.status)
        stored[key].add((found.value_as_sent, found.unit_as_sent, found.resulted_at))
    for row in rows:
        if person := intake.whose(row):
            _result(intake, row, person, stored)


def _result(
    intake: Intake, row: ResultRow, person: Person, stored: Mapping[tuple[Any, ...], set[tuple[Any, ...]]]
) -> None:
    on, at = row.collected.local_day(person.zone), row.collected.instant(person.zone)
    issued = None if row.resulted_at is None else row.resulted_at.instant(person.zone)
    said = stored.get((person.id, row.analyte, on, at, row.status), set())
    if on > days.local_day(intake.now, person.zone):
        column = "collected_on" if at is None else "collected_at"
        intake.refuse(row, "the day of the draw is still to come", "correct the date", column=column)
    elif (row.value_as_sent, row.unit_as_sent, issued) in said:
        intake.take(row)
    elif said and row.status is not ResultStatus.CORRECTED:
        what = f"another value of {row.analyte} is stored for this draw"
        intake.refuse(row, what, "give it the status corrected if the laboratory corrected it")
    else:
        intake.take(row, (Result, _result_columns(row, person, on, at) | {"recorded_at": intake.now}))


def _result_columns(row: ResultRow, person: Person, on: date, at: datetime | None) -> Columns:
    return {
        "clinic_id": person.clinic_id,
        "id": new_id(),
        "patient_id": person.id,
        "analyte": row.analyte,
        "value": row.value,
        "value_as_sent": row.value_as_sent,
        "unit_as_sent": row.unit_as_sent,
        "collected_on": on,
        "collected_at": at,
        "resulted_at": None if row.resulted_at is None else row.resulted_at.instant(person.zone),
        "status": row.status,
        "usable": row.unusable is None,
        "problem": row.unusable,
        "source": SOURCE,
    }
