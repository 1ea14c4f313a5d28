"""For coordinators and clinicians: patients go on under another version of a protocol."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Path, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from service import guard
from service.api.calls import Call, Creating, Looking, Made
from service.api.differences import READ, DryRun
from service.api.patients import strict
from service.api.problems import documented
from service.flows import move_proposals, moves
from service.flows.move_proposals import Progress, Rehearsed
from service.flows.moves import Outcome
from service.flows.work_items import Person

router = guard.router(prefix="/v1/moves", tags=["protocols"])

MoveId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d63"])]
Which = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}(@[0-9a-f]{1,64})?$")]


class MoveIn(BaseModel):
    """From which version to which: an id means the one in force, `id@2` or `id@` and a hash another."""

    model_config = strict({"from": "azathioprine-us-label", "to": "azathioprine-bsr-2017"}) | ConfigDict(
        populate_by_name=True
    )

    from_: Which = Field(alias="from")
    to: Which


class ChangeOut(BaseModel):
    model_config = READ

    clock: str = Field(examples=["blood-count"])
    was_due_on: date | None = Field(description="Null: the duty is new.")
    due_on: date | None = Field(description="Null: the duty ends.")
    becomes_overdue: bool


class OutcomeOut(BaseModel):
    """What it does to one patient's course."""

    course_id: UUID
    patient_id: UUID
    changes: list[ChangeOut] = Field(description="Empty: nothing changes.")
    messages_tomorrow: int
    refused: str | None = Field(description="Why the course stays where it is.")

    @classmethod
    def of(cls, one: Outcome) -> Self:
        return cls(
            course_id=one.course_id,
            patient_id=one.patient_id,
            changes=[ChangeOut.model_validate(change) for change in one.changes],
            messages_tomorrow=len(one.messages),
            refused=one.refused,
        )


class RehearsedOut(BaseModel):
    """What a move would do."""

    summary: str = Field(examples=["214 courses: 214 earlier, 3 become overdue, 61 messages tomorrow"])
    figures: dict[str, int]
    courses: list[OutcomeOut]

    @classmethod
    def of(cls, found: Rehearsed, **more: Any) -> Self:
        said = moves.figures(found.outcomes)
        shown = [OutcomeOut.of(one) for one in found.outcomes]
        return cls(summary=moves.sentence(said), figures=said, courses=shown, **more)


class ProposedOut(RehearsedOut, Made):
    """A move that waits for a second person."""


class MoveOut(Made):
    """A move, and how far it has come."""

    from_: str = Field(serialization_alias="from", examples=["azathioprine-us-label@1"])
    to: str = Field(examples=["azathioprine-bsr-2017@1"])
    proposed_by: str
    proposed_at: AwareDatetime
    approved_by: str | None
    approved_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    figures: dict[str, int] = Field(description="What it would have done when it was proposed.")
    moved: int
    remaining: int
    refused: list[UUID] = Field(description="Courses that cannot be moved: each is a work item.")

    @classmethod
    def of(cls, found: Progress) -> Self:
        names = cls.model_fields.keys() - {"from_", "to", "moved", "remaining"}
        said = {name: getattr(found.row, name) for name in names}
        return cls(
            from_=f"{found.old.id}@{found.old.version}", to=f"{found.new.id}@{found.new.version}",
            moved=found.moved, remaining=found.remaining, **said,
        )  # fmt: skip


@router.post(
    "",
    operation_id="propose_move",
    status_code=201,
    response_model=ProposedOut,
    responses={
        200: {"model": RehearsedOut, "description": "With dry_run: not kept."},
        **documented(404),
    },
)
def propose_move(call: Creating, body: MoveIn, dry_run: DryRun = False) -> Response:
    """What a move to another version does to each patient; nothing moves before a second person approves."""
    found = move_proposals.rehearsed(call.house.engine, call.clinic_id, body.from_, body.to, now=call.now)
    if dry_run:
        return call.rehearse(lambda session: RehearsedOut.of(found))

    def effect(session: Any) -> ProposedOut:
        id_ = move_proposals.propose(session, call.clinic_id, found, by=call.by, now=call.now)
        return ProposedOut.of(found, id=id_)

    return call.once(body, effect)


@router.get("/{move_id}", operation_id="show_move", responses=documented(404))
def show_move(call: Looking, move_id: MoveId) -> MoveOut:
    """How far a move has come: the worker carries it out, some patients at a time."""
    return call.look(lambda session: _progress(session, call, move_id))


def _progress(session: Any, call: Call, move_id: UUID) -> MoveOut:
    return MoveOut.of(move_proposals.progress(session, (call.clinic_id, move_id)))


@router.post(
    "/{move_id}/approval", operation_id="approve_move", response_model=MoveOut, responses=documented(404, 409)
)
def approve_move(call: Looking, move_id: MoveId) -> Response:
    """Let a move be carried out; who proposed it cannot."""
    person = Person(call.by, bool(call.caller.key))

    def effect(session: Any) -> MoveOut:
        move_proposals.approve(session, (call.clinic_id, move_id), by=person, now=call.now)
        return _progress(session, call, move_id)

    return call.act(effect)
