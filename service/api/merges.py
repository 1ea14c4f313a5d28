"""For coordinators: two records are one patient."""

from typing import Any
from uuid import UUID

from fastapi import Response
from pydantic import BaseModel, Field

from service import guard
from service.api.calls import Changing
from service.api.differences import READ, DifferenceOut, DryRun
from service.api.events import Confirmed, Note
from service.api.patients import PatientId, strict
from service.flows import merges

router = guard.router(prefix="/v1/patients", tags=["patients"])

FORMER_EXAMPLE = "01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d66"


class MergeIn(BaseModel):
    """Which other record is this patient's too, and how that is known."""

    model_config = strict(
        {"former_id": FORMER_EXAMPLE, "reason": "entered twice, by telephone and on paper", "confirmed": True}
    )

    former_id: UUID = Field(description="Everything of it moves; what comes under its number does as well.")
    reason: Note
    confirmed: Confirmed = False


class MergedOut(BaseModel):
    model_config = READ

    moved: dict[str, int] = Field(examples=[{"course": 1, "result": 12}], description="Rows by table.")
    difference: DifferenceOut


@router.post("/{patient_id}/merge", operation_id="merge_patient", response_model=MergedOut)
def merge_patient(call: Changing, patient_id: PatientId, body: MergeIn, dry_run: DryRun = False) -> Response:
    """Let this patient take over another record whole. It is taken back as entered in error."""
    key, said = (call.clinic_id, patient_id), body.model_dump()
    said["confirmed"] |= dry_run
    former = said.pop("former_id")

    def effect(session: Any) -> MergedOut:
        found = merges.merge(session, key, former, **said, version=call.version, by=call.by, now=call.now)
        return MergedOut.model_validate(found)

    return call.rehearse(effect) if dry_run else call.act(effect)
