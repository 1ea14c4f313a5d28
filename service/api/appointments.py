"""For coordinators: when a visit is, and whether the patient came."""

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Path, Response
from pydantic import BaseModel, Field

from service import guard
from service.api.calls import Creating
from service.api.courses import Start
from service.api.differences import DryRun
from service.api.events import At, Note, RecordedOut
from service.api.patients import strict
from service.flows import appointments
from service.flows.appointments import Act

router = guard.router(prefix="/v1/items", tags=["appointments"])

ItemId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d62"])]


class AppointmentIn(BaseModel):
    """What is to become of a visit's appointment, or became of it."""

    model_config = strict({"act": "book", "at": "2026-03-09T14:30"})

    act: Act
    at: At | None = Field(None, examples=["2026-03-09T14:30"], description="Of book and move: local time.")
    on: Start | None = Field(None, description="The day of the act; null: today.")
    reason: Note | None = None

    def typed(self) -> dict[str, Any]:
        at = None if self.at is None else datetime.fromisoformat(self.at)
        on: date | None = self.on
        return {"act": self.act, "at": at, "on": on, "reason": self.reason}


@router.post(
    "/{item_id}/appointment",
    operation_id="record_appointment",
    status_code=201,
    response_model=RecordedOut,
    responses={200: {"model": RecordedOut, "description": "With dry_run: what it would change."}},
)
def record_appointment(
    call: Creating, item_id: ItemId, body: AppointmentIn, dry_run: DryRun = False
) -> Response:
    """Book, move or cancel a visit's appointment, or say whether the patient came."""
    key = call.clinic_id, item_id

    def effect(session: Any) -> RecordedOut:
        found = appointments.record(session, key, **body.typed(), by=call.by, now=call.now)
        return RecordedOut.model_validate(found)

    return call.rehearse(effect) if dry_run else call.once(body, effect)
