"""For who calls patients: who is overdue, and what was said to them."""

from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

import sqlalchemy as sa
from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from db.overdue import Overdue
from schedules.risk import Risk
from service import guard
from service.api import paging
from service.api.problems import documented
from service.deps import Asks, InHouse, Now
from service.flows import outbox, overdue

router = guard.router(prefix="/v1", tags=["coordinators"], responses=documented(422))

Clinic = Annotated[UUID | None, Query(description="Only this clinic.")]


class OverdueOut(BaseModel):
    """One open item past its last day on time."""

    clinic_id: UUID
    clinic: str
    patient_id: UUID
    name: str
    phones: list[str] = Field(examples=[["+12025550123"]])
    time_zone: str = Field(examples=["America/New_York"])
    item_id: UUID
    kind: str = Field(examples=["test"])
    due_on: date
    state: str = Field(examples=["lapsed"], description="overdue or lapsed")
    days_overdue: int = Field(description="Days since the due day, in the patient's zone.")
    reasons: list[str] = Field(description="Why this place on the list: a product choice of the service.")

    @classmethod
    def of(cls, risk: Risk[Overdue]) -> Self:
        who = risk.of
        return cls(
            clinic_id=who.clinic_id,
            clinic=who.clinic,
            patient_id=who.patient_id,
            name=who.name,
            phones=list(who.phones),
            time_zone=who.time_zone,
            item_id=who.item_id,
            kind=who.item.kind,
            due_on=who.item.due_on,
            state=risk.state.value,
            days_overdue=risk.days_overdue,
            reasons=list(risk.reasons),
        )


class OverdueList(BaseModel):
    as_of: datetime
    count: int = Field(description="How many there are; `items` may be fewer.")
    items: list[OverdueOut]


class MessageOut(BaseModel):
    """A message as it was said."""

    id: UUID
    clinic_id: UUID
    clinic: str
    name: str | None = Field(description="The patient's; null for what was for the clinic's staff.")
    audience: str = Field(examples=["patient"], description="patient, carer or coordinator")
    channel: str = Field(examples=["sms"], description="outbox: it stayed in the house")
    state: str = Field(examples=["delivered"], description="or accepted, no confirmation, undelivered")
    said_at: datetime
    time_zone: str = Field(examples=["America/New_York"], description="The patient's, or the clinic's.")
    subject: str | None
    body: str | None

    @classmethod
    def of(cls, row: sa.Row) -> Self:
        return cls(
            id=row.id,
            clinic_id=row.clinic_id,
            clinic=row.clinic,
            name=row.name,
            audience=row.audience.value,
            channel=row.channel.value,
            state=outbox.word(row),
            said_at=row.accepted_at,
            time_zone=row.time_zone,
            subject=row.subject,
            body=row.body,
        )


class OutboxPage(BaseModel):
    items: list[MessageOut]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


@router.get("/overdue", operation_id="list_overdue")
def list_overdue(
    house: InHouse,
    now: Now,
    caller: Asks,
    clinic: Clinic = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> OverdueList:
    """Who is overdue, whom to call first at the top."""
    ranked = overdue.ranked(house.engine, now=now, clinic_id=caller.clinic(clinic))
    return OverdueList(as_of=now, count=len(ranked), items=[OverdueOut.of(risk) for risk in ranked[:limit]])


@router.get("/outbox", operation_id="list_outbox")
def list_outbox(
    house: InHouse,
    caller: Asks,
    request: Request,
    response: Response,
    clinic: Clinic = None,
    cursor: paging.Cursor = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
) -> OutboxPage:
    """What was said to patients and carers, the newest first."""
    page = outbox.page(house.engine, limit=limit, cursor=cursor, clinic_id=caller.clinic(clinic))
    paging.link(request, response, page.next)
    return OutboxPage(items=[MessageOut.of(row) for row in page.rows], next=page.next)
