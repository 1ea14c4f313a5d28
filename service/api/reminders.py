"""For coordinators: what was, is and will be said to a patient, and why."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Path, Response
from pydantic import AwareDatetime, BaseModel, Field

from db.tables import Audience, Channel, Effect, MessageState, ReminderState
from schedules.guard import Verdict
from service import guard
from service.api import paging
from service.api.calls import Looking
from service.api.differences import READ
from service.api.paging import Page
from service.api.patients import PatientId
from service.flows import explanations
from service.flows.explanations import Explained

router = guard.router(prefix="/v1", tags=["reminders"])

ReminderId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d64"])]


class ReminderOut(BaseModel):
    """One rung of one track of an item."""

    model_config = READ

    id: UUID
    item_id: UUID
    version: int = Field(description="Of the item, whose due day it was counted from.")
    track: Audience
    rung: str = Field(examples=["week-before"])
    effect: Effect
    day: date = Field(description="The rung's own day, in the patient's zone.")
    at_local: str = Field(examples=["09:00"])
    zone: str = Field(examples=["America/New_York"])
    send_at: AwareDatetime = Field(description="For when it was planned.")
    state: ReminderState
    reason: str | None
    decided_at: AwareDatetime | None
    message_id: UUID | None


class ListedOut(ReminderOut):
    course_id: UUID
    clock: str = Field(examples=["blood-count"])
    ordinal: int


class ReminderList(Page):
    items: list[ListedOut]


class SaidOut(BaseModel):
    """One message; a text is there once it was said."""

    model_config = READ

    id: UUID
    audience: Audience
    channel: Channel
    send_at: AwareDatetime
    state: MessageState
    attempts: int
    accepted_at: AwareDatetime | None
    subject: str | None
    body: str | None


class SaidList(Page):
    items: list[SaidOut]


class NextOut(BaseModel):
    model_config = READ

    rung: str = Field(examples=["overdue"])
    send_at: AwareDatetime


class ExplainedOut(BaseModel):
    """What became of a reminder and why; while it waits, what would, as far as is known now."""

    reminder: ReminderOut
    verdict: Verdict | None = Field(description="Of the rules; null once it was decided: see its state.")
    reason: str | None = Field(examples=["quiet hours"])
    looked_at: list[str] = Field(examples=[["alive and here", "item open"]], description="In this order.")
    decided_for: AwareDatetime | None = Field(description="The moment for which the rules were asked.")
    again_at: AwareDatetime | None = Field(description="When they are asked again, where it must wait.")
    nothing_is_sent: bool = Field(description="The whole database is held.")
    next: NextOut | None = Field(description="What comes after it on this track.")

    @classmethod
    def of(cls, found: Explained) -> Self:
        said = found.decision
        return cls(
            reminder=ReminderOut.model_validate(found.row),
            verdict=None if said is None else said.verdict,
            reason=found.row.reason if said is None else said.reason,
            looked_at=[] if said is None else list(said.looked_at),
            decided_for=found.decided_for,
            again_at=None if said is None else said.again_at,
            nothing_is_sent=found.nothing_is_sent,
            next=None if found.next is None else NextOut.model_validate(found.next),
        )


@router.get("/patients/{patient_id}/reminders", operation_id="list_reminders", response_model=ReminderList)
def list_reminders(
    call: Looking, patient_id: PatientId, cursor: paging.Cursor = None, limit: paging.Limit = 200
) -> Response:
    """The reminders of a patient, the last made first; that they were read is kept in the audit."""
    key, part = (call.clinic_id, patient_id), paging.part(cursor, limit)

    def effect(session: Any) -> ReminderList:
        found = explanations.reminders_of(session, key, part, by=call.by, now=call.now)
        rows, following = paging.cut(found, limit)
        return ReminderList(items=[ListedOut.model_validate(row) for row in rows], next=following)

    return call.act(effect)


@router.get("/patients/{patient_id}/messages", operation_id="list_messages", response_model=SaidList)
def list_messages(
    call: Looking, patient_id: PatientId, cursor: paging.Cursor = None, limit: paging.Limit = 200
) -> Response:
    """The messages to a patient or carer, the last made first; that they were read is kept in the audit."""
    key, part = (call.clinic_id, patient_id), paging.part(cursor, limit)

    def effect(session: Any) -> SaidList:
        found = explanations.messages_of(session, key, part, by=call.by, now=call.now)
        rows, following = paging.cut(found, limit)
        return SaidList(items=[SaidOut.model_validate(row) for row in rows], next=following)

    return call.act(effect)


@router.get("/reminders/{reminder_id}/explain", operation_id="explain_reminder", response_model=ExplainedOut)
def explain_reminder(call: Looking, reminder_id: ReminderId) -> Response:
    """Why it was or was not sent: the deciding function's own answer, and what comes next."""
    key = call.clinic_id, reminder_id
    return call.act(
        lambda session: ExplainedOut.of(explanations.explain(session, key, by=call.by, now=call.now))
    )
