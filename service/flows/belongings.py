"""Contacts, consents and results of a batch: what belongs to a patient alone, and to no course."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TypeAlias
from uuid import UUID

from sqlmodel import SQLModel

from db import contacts, imports
from db.tables import Consent, Contact, Result, ResultStatus
from db.types import new_id
from schedules import days
from service.flows import restated
from service.flows.intake import Columns, Intake, Person, differs
from service.flows.restated import Version
from service.ingest.rows import ContactRow, ResultRow

SOURCE = "import"
Value: TypeAlias = tuple[UUID, str, date, datetime | None]  # a patient's analyte, by when it was collected


@dataclass(frozen=True, slots=True)
class Told:
    """A row of results, of whose it is."""

    row: ResultRow
    person: Person
    value: Value
    version: Version


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
    more = {"relation": row.relation, "ends_on": row.ends_on}
    said = {name: value for name, value in more.items() if value is not None}
    if stored and (name := differs(stored[0], said)):
        what = f"another {name} is stored for this contact"
        intake.refuse(row, what, "mark the contact as a mistake, or correct the row", column=name)
        return
    contact_id = stored[0].id if stored else new_id()
    new: list[tuple[type[SQLModel], Columns]] = []
    if not stored:
        new.append((Contact, columns | more | {"id": contact_id}))
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
    stored, brought = defaultdict[Value, list[Version]](list), defaultdict[Value, list[Version]](list)
    for found in (found for results in known.results.values() for found in results):
        value = found.patient_id, found.analyte, found.collected_on, found.collected_at
        stored[value].append(restated.version(found))
    told = [Told(row, person, *_said(row, person)) for row in rows if (person := intake.whose(row))]
    for one in told:
        brought[one.value].append(one.version)
    for one in told:
        _result(intake, one, stored.get(one.value, ()), brought[one.value])


def _said(row: ResultRow, person: Person) -> tuple[Value, Version]:
    on, at = row.collected.local_day(person.zone), row.collected.instant(person.zone)
    issued = None if row.resulted_at is None else row.resulted_at.instant(person.zone)
    return (person.id, row.analyte, on, at), (row.status, row.value_as_sent, row.unit_as_sent, issued)


def _result(intake: Intake, told: Told, stored: Sequence[Version], brought: Sequence[Version]) -> None:
    row, (_, _, on, at) = told.row, told.value
    alike = [version for version in stored if version[0] is row.status]
    if on > days.local_day(intake.now, told.person.zone):
        column = "collected_on" if at is None else "collected_at"
        intake.refuse(row, "the day of the draw is still to come", "correct the date", column=column)
    elif restated.is_copy(told.version, stored, brought):
        intake.take(row)
    elif row.status is not ResultStatus.CORRECTED and alike and told.version not in alike:
        what = f"another value of {row.analyte} is stored for this draw"
        intake.refuse(row, what, "give it the status corrected if the laboratory corrected it")
    else:
        intake.take(row, (Result, _result_columns(told) | {"recorded_at": intake.now}))


def _result_columns(told: Told) -> Columns:
    row, person, (_, _, on, at) = told.row, told.person, told.value
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
        "resulted_at": told.version[3],
        "status": row.status,
        "usable": row.unusable is None,
        "problem": row.unusable,
        "source": SOURCE,
    }
