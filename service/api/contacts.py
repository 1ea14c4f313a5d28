"""For coordinators: where reminders may go, after the patient was entered."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Response
from pydantic import BaseModel, Field

from db.tables.contacts import Relation
from service import guard
from service.api.calls import Creating, Looking
from service.api.courses import Start
from service.api.patients import Agreement, ContactIn, PatientId, PatientOut, strict
from service.flows import contacts

router = guard.router(prefix="/v1", tags=["contacts"])

ContactId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d63"])]
YES = {"given": True, "at": "2026-01-04T14:30:00-05:00", "source": "telephone"}


class NewContact(ContactIn):
    """An address of the patient or a carer."""

    model_config = strict({"channel": "email", "address": "ada@example.org", "consent": YES})

    relation: Relation | None = Field(None, description="Of a carer to the patient.")
    ends_on: Start | None = Field(
        None,
        description="From that day on nothing is sent there; what was agreed for a child ends at 18 anyway.",
    )

    def more(self) -> dict[str, Any]:
        return {"relation": self.relation, "ends_on": self.ends_on}


class Answer(Agreement):
    """Whether reminders may go to a contact; `given` false takes it back."""

    model_config = strict(YES | {"given": False})

    def typed(self) -> dict[str, Any]:
        return self.model_dump()


class Mark(BaseModel):
    model_config = strict({"bad": True})

    bad: bool


@router.post(
    "/patients/{patient_id}/contacts",
    operation_id="add_contact",
    status_code=201,
    response_model=PatientOut,
)
def add_contact(call: Creating, patient_id: PatientId, body: NewContact) -> Response:
    """Enter another address, with the answer to whether it may be used."""
    key = call.clinic_id, patient_id

    def effect(session: Any) -> PatientOut:
        return PatientOut.of(
            contacts.add(session, key, body.typed(), by=call.by, now=call.now, more=body.more())
        )

    return call.once(body, effect, at="/v1/patients")


@router.post(
    "/contacts/{contact_id}/consent",
    operation_id="answer_consent",
    status_code=201,
    response_model=PatientOut,
)
def answer_consent(call: Creating, contact_id: ContactId, body: Answer) -> Response:
    """Give or withdraw consent for one address: kept for ever, and the newest counts."""
    key = call.clinic_id, contact_id

    def effect(session: Any) -> PatientOut:
        return PatientOut.of(contacts.answer(session, key, body.typed(), by=call.by, now=call.now))

    return call.once(body, effect, at="/v1/patients")


@router.post("/contacts/{contact_id}/mark", operation_id="mark_contact", response_model=PatientOut)
def mark_contact(call: Looking, contact_id: ContactId, body: Mark) -> Response:
    """Say that nothing can be delivered there, or that it can again. Removed it is as entered in error."""
    key = call.clinic_id, contact_id

    def effect(session: Any) -> PatientOut:
        return PatientOut.of(contacts.mark(session, key, bad=body.bad, by=call.by, now=call.now))

    return call.act(effect)
