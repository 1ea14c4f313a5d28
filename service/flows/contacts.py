"""How a patient or carer is reached, once the record is there: another address, answer, or a bad one."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, batches, contacts, courses, imports, patients
from db.batches import Key
from db.tables import Consent, Contact
from service.errors import Fault, Problem
from service.flows import belongings, confirming, intake, reach, zones
from service.flows import patients as charts
from service.flows.courses import HERE, NOTHING_HERE, patient
from service.flows.intake import Columns, Intake
from service.flows.patients import Chart
from service.ingest import build
from service.ingest.build import Options
from service.ingest.cells import Refused
from service.ingest.rows import ContactRow, Line

WHOSE = dict(zip(("clinic", "authority", "mrn"), HERE, strict=True))
SKEW = timedelta(minutes=5)  # how far another's clock may be ahead of ours


def add(
    session: Session, key: Key, said: Columns, *, by: str, now: datetime, more: Columns | None = None
) -> Chart:
    """Problem when the address cannot be one, or is the patient's already."""
    row = _row(said)
    if row.consent_at is not None and row.consent_at.at is not None:
        _past(row.consent_at.at, now)
    patients.lock(session, key)
    found = Intake(now=now, people={HERE: intake.person(patient(session, key))})
    belongings.add_contacts(found, [row], imports.known(session, [key]))
    if not found.new[Contact]:
        raise Problem(409, "The patient has this contact already: answer its consent instead.")
    found.new[Contact][0] |= more or {}
    for model in (Contact, Consent):
        batches.insert(session, model, found.new[model])
    zones.again(session, courses.of_patients(session, [key]), now=now)  # a first carer has rungs from now on
    reach.look(session, [key], now=now)
    _record(session, key, by, "add contact", now, {"contact": str(found.new[Contact][0]["id"])})
    return charts.chart(session, key)


def _row(said: Columns) -> ContactRow:
    try:
        return build.contact(Line("body", 1), WHOSE | said, Options())
    except Refused as wrong:
        fault = Fault(f"body.{wrong.column}", f"{wrong.what}; {wrong.remedy}")
        raise Problem(422, "The request is not valid.", errors=[fault]) from None


def _past(at: datetime, now: datetime) -> None:
    """The newest answer counts: one of tomorrow would beat whatever is said until then."""
    if at > now + SKEW:
        fault = Fault("body.at", "is still to come: say when it was answered")
        raise Problem(422, "The request is not valid.", errors=[fault])


def answer(session: Session, key: Key, said: Columns, *, by: str, now: datetime) -> Chart:
    """Whether reminders may go there: appended, and the newest counts."""
    _past(said["at"], now)
    row = _contact(session, key)
    about = {"clinic_id": key[0], "patient_id": row.patient_id, "contact_id": row.id, "channel": row.channel}
    kept = said | {"purpose": contacts.REMINDERS, "at": said["at"].astimezone(UTC)}
    batches.insert(session, Consent, [about | kept])
    detail = {"contact": str(row.id), "given": said["given"]}
    reach.look(session, [(key[0], row.patient_id)], now=now)
    confirming.settle(session, [(key[0], row.patient_id)], now=now)
    _record(session, (key[0], row.patient_id), by, "answer consent", now, detail)
    return charts.chart(session, (key[0], row.patient_id))


def mark(session: Session, key: Key, *, bad: bool, by: str, now: datetime) -> Chart:
    """Nothing can be delivered there, or it can again."""
    row = _contact(session, key)
    since = (row.bad_since or now) if bad else None
    batches.change(session, Contact, [{"clinic_id": key[0], "id": key[1], "bad_since": since}])
    reach.look(session, [(key[0], row.patient_id)], now=now)
    _record(session, (key[0], row.patient_id), by, "mark contact", now, {"contact": str(row.id), "bad": bad})
    return charts.chart(session, (key[0], row.patient_id))


def _contact(session: Session, key: Key) -> sa.Row:
    table = batches.table(Contact)
    query = sa.select(table).where(batches.same(table, key), table.c.voided_at.is_(None))
    row = session.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise Problem(404, NOTHING_HERE)
    return row


def _record(session: Session, key: Key, by: str, action: str, now: datetime, detail: dict[str, Any]) -> None:
    audit.record(session, key[0], by, action, subject=("patient", str(key[1])), now=now, detail=detail)
