"""For coordinators: what people have to do, the most urgent first."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from db.tables import Role, WorkState
from schedules.protocol import Level
from service import guard
from service.api.calls import Call, Looking
from service.api.courses import Start
from service.api.differences import READ
from service.api.events import Note
from service.api.patients import strict
from service.api.problems import documented
from service.flows import work_items
from service.flows.work_items import Outcome, Person, Ranked

router = guard.router(prefix="/v1/work", tags=["work list"])

WorkId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d61"])]


class WorkOut(BaseModel):
    """What a person has to do. Until somebody claims it, the role owns it."""

    model_config = READ

    id: UUID
    kind: str = Field(examples=["unreachable"])
    level: Level
    role: Role
    state: WorkState
    owner: str | None = Field(examples=["Rosa Example"])
    patient_id: UUID | None
    course_id: UUID | None
    item_id: UUID | None
    raised: int = Field(description="How many times it was asked since it was opened.")
    opened_at: AwareDatetime
    due_by: AwareDatetime
    snoozed_until: AwareDatetime | None
    closed_at: AwareDatetime | None
    outcome: str | None
    note: str | None


class RankedOut(BaseModel):
    """One place on the list."""

    work: WorkOut
    name: str | None = Field(description="The patient's.")
    late: bool = Field(description="Past its deadline.")
    reasons: list[str] = Field(description="Why this place on the list: a product choice of the service.")

    @classmethod
    def of(cls, one: Ranked) -> Self:
        work = WorkOut.model_validate(one.row)
        return cls(work=work, name=one.row.name, late=one.late, reasons=list(one.reasons))


class WorkList(BaseModel):
    as_of: datetime
    count: int = Field(description="How many there are; `items` may be fewer.")
    items: list[RankedOut]


class SnoozeIn(BaseModel):
    """Off the list until the morning of a day."""

    model_config = strict({"until": "2026-01-09"})

    until: Start = Field(examples=["2026-01-09"], description="At most 28 days on.")


class OutcomeIn(BaseModel):
    """What came of it."""

    model_config = strict({"outcome": "reached", "text": "Comes on Tuesday."})

    outcome: Outcome
    text: Note | None = Field(None, description="In words; needed for the levels same-day and emergency.")


@router.get("", operation_id="list_work")
def list_work(
    call: Looking,
    role: Role | None = None,
    snoozed: Annotated[bool, Query(description="Also what was put off to a later day.")] = False,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> WorkList:
    """What is to be done, the most urgent at the top, with the reasons for each place."""
    found = work_items.ranked(
        call.house.engine, call.clinic_id, now=call.now, role=role and role.value, snoozed=snoozed
    )
    return WorkList(as_of=call.now, count=len(found), items=[RankedOut.of(one) for one in found[:limit]])


def _person(call: Call) -> Person:
    return Person(call.by, bool(call.caller.key))


@router.post(
    "/{work_item_id}/claim", operation_id="claim_work", response_model=WorkOut, responses=documented(409)
)
def claim_work(
    call: Looking,
    work_item_id: WorkId,
    take_over: Annotated[bool, Query(description="From whoever has it.")] = False,
) -> Response:
    """Take it: of two who do at once the second is told who has it."""
    key = call.clinic_id, work_item_id

    def effect(session: Any) -> WorkOut:
        row = work_items.claim(session, key, _person(call), take_over=take_over, now=call.now)
        return WorkOut.model_validate(row)

    return call.act(effect)


@router.post(
    "/{work_item_id}/snooze", operation_id="snooze_work", response_model=WorkOut, responses=documented(409)
)
def snooze_work(call: Looking, work_item_id: WorkId, body: SnoozeIn) -> Response:
    """Put it off to a day; what is for today or an emergency cannot be."""
    key = call.clinic_id, work_item_id

    def effect(session: Any) -> WorkOut:
        row = work_items.snooze(session, key, _person(call), until=body.until, now=call.now)
        return WorkOut.model_validate(row)

    return call.act(effect)


@router.post(
    "/{work_item_id}/outcome", operation_id="finish_work", response_model=WorkOut, responses=documented(409)
)
def finish_work(call: Looking, work_item_id: WorkId, body: OutcomeIn) -> Response:
    """Say what came of it. `died` ends all for the patient; `self-stopped` asks the prescriber today."""
    key, said = (call.clinic_id, work_item_id), body.model_dump()

    def effect(session: Any) -> WorkOut:
        return WorkOut.model_validate(work_items.finish(session, key, _person(call), **said, now=call.now))

    return call.act(effect)
