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
from service.api.differences import READ, DryRun
from service.api.events import Note
from service.api.patients import Text, strict
from service.api.problems import documented
from service.flows import backgrounds, work_acts, work_items
from service.flows.work_acts import Act, Acted, Wish
from service.flows.work_items import Person, Ranked
from service.flows.work_outcomes import Outcome

router = guard.router(prefix="/v1/work", tags=["work list"])

EXAMPLE = "01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d61"
WorkId = Annotated[UUID, Path(examples=[EXAMPLE])]


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
    reasons: list[str] = Field(description="Why this place, and what is known: stage of treatment, counts.")

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
    again_on: Start | None = Field(None, description="Of no-answer and voicemail; null: tomorrow.")


class ManyIn(BaseModel):
    """The same act on many."""

    model_config = strict({"ids": [EXAMPLE], "act": "snooze", "until": "2026-01-09"})

    ids: list[UUID] = Field(min_length=1, max_length=200)
    act: Act
    to: Text | None = Field(None, description="Of assign: the name of somebody with a key.")
    until: Start | None = Field(None, description="Of snooze.")
    outcome: Outcome | None = Field(None, description="Of outcome.")
    text: Note | None = None

    def typed(self) -> Wish:
        return Wish(**{name: getattr(self, name) for name in ("act", "to", "until", "outcome", "text")})


class ActedOut(BaseModel):
    """One of them: as it is now, or why it is as it was."""

    id: UUID
    work: WorkOut | None
    why: str | None

    @classmethod
    def of(cls, one: Acted) -> Self:
        return cls(id=one.id, why=one.why, work=None if one.row is None else WorkOut.model_validate(one.row))


class ManyOut(BaseModel):
    count: int = Field(description="To how many it was done.")
    items: list[ActedOut]


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
    shown = backgrounds.told(call.house.engine, found[:limit], now=call.now)
    return WorkList(as_of=call.now, count=len(found), items=[RankedOut.of(one) for one in shown])


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
    """Say what came of it. `died` ends all for the patient; `no-answer` and `voicemail` put it off to a day.

    `self-stopped`, `never-started`, `stopped-by-prescriber`, `declined`, `moved` and `monitored-elsewhere`
    end nothing by themselves: each opens the work item that somebody must do next.
    """
    key, said = (call.clinic_id, work_item_id), body.model_dump()

    def effect(session: Any) -> WorkOut:
        return WorkOut.model_validate(work_items.finish(session, key, _person(call), **said, now=call.now))

    return call.act(effect)


@router.post("/acts", operation_id="act_on_work", response_model=ManyOut)
def act_on_work(call: Looking, body: ManyIn, dry_run: DryRun = False) -> Response:
    """Claim, assign, put off or finish many; each that is refused says why, and what is red always is."""

    def effect(session: Any) -> ManyOut:
        done = work_acts.act(session, call.clinic_id, body.ids, body.typed(), _person(call), now=call.now)
        count = sum(one.row is not None for one in done)
        return ManyOut(count=count, items=[ActedOut.of(one) for one in done])

    return call.rehearse(effect) if dry_run else call.act(effect)
