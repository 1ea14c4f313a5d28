"""For clinics: whether patients are asked the question set, and what they answered."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from db.tables import Bound
from schedules.fields import Level
from service import guard
from service.api.calls import Asked, Looking
from service.api.courses import Start
from service.api.differences import READ
from service.api.events import Note
from service.api.patients import PatientId, strict
from service.api.problems import documented
from service.deps import Asks, InHouse, Now
from service.errors import Problem, Refused
from service.flows import answered, asking, decisions, side_effects
from service.flows.answered import Answered, Reported
from service.flows.decisions import Decision

router = guard.router(prefix="/v1", tags=["check-ins"])

ReportId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d64"])]


class SwitchIn(BaseModel):
    """Ask patients the question set from now on, or no longer."""

    model_config = strict({"on": True})

    on: bool


class SwitchOut(BaseModel):
    model_config = READ

    on: bool
    by: str | None = Field(examples=["Rosa Example"], description="Who said so.")
    at: AwareDatetime | None
    covered: bool = Field(description="Whether somebody is there for red answers.")
    set_id: str = Field(examples=["symptoms"])
    set_version: int = Field(examples=[1])
    statement: str = Field(examples=["This question set is a draft and is not validated."])


class AnswerOut(BaseModel):
    model_config = READ

    question: str = Field(examples=["fever"])
    title: str = Field(examples=["Fever or temperature"])
    choice: str = Field(examples=["fever"], description="As it came; what is no choice was judged red.")
    number: str | None = Field(examples=["38.4"])
    unit: str | None = Field(examples=["c"])
    on: date | None
    text: str | None = Field(description="The patient's own words.")


class ReasonOut(BaseModel):
    level: Level
    sentence: str = Field(examples=["Fever or temperature: fever."])
    source: str = Field(description="Where the level is from, and how well that was seen.")


class CheckInOut(BaseModel):
    """One submission: what was answered, its level and why."""

    id: UUID
    at: AwareDatetime
    item_id: UUID | None
    bound: Bound = Field(description="To which check-in it belongs: late and unclear need a person's look.")
    set_id: str
    set_version: int
    level: Level
    reasons: list[ReasonOut]
    work_item_id: UUID | None
    answers: list[AnswerOut]

    @classmethod
    def of(cls, one: Answered) -> Self:
        row = one.row
        return cls(
            id=row.id,
            at=row.at,
            item_id=row.item_id,
            bound=row.bound,
            set_id=row.set_id,
            set_version=row.set_version,
            level=row.level,
            reasons=[ReasonOut.model_validate(reason) for reason in row.reasons],
            work_item_id=one.work_item_id,
            answers=[AnswerOut.model_validate(answer) for answer in one.answers],
        )


class ReportOut(BaseModel):
    """What a patient told by themselves. What it proposes waits until a clinician decides."""

    model_config = READ

    id: UUID
    at: AwareDatetime
    kind: str = Field(examples=["reaction"])
    choice: str = Field(examples=["widespread"])
    on: date | None
    text: str | None
    level: Level
    reasons: list[str]
    proposes: str | None = Field(examples=["hold"], description="An event of a course, or nothing.")
    accepted: bool | None = Field(description="Null: nobody has decided.")
    decided_by: str | None
    decided_at: AwareDatetime | None
    decision: str | None
    work_item_id: UUID | None = None

    @classmethod
    def of(cls, one: Reported) -> Self:
        return cls.model_validate(one.row).model_copy(update={"work_item_id": one.work_item_id})


class CheckInList(BaseModel):
    items: list[CheckInOut]
    reports: list[ReportOut] = Field(description="What the patient reported by themselves.")


class FigureOut(BaseModel):
    """A share of patients; without a denominator its rate is null, which is no data and not 0."""

    name: str = Field(examples=["any-side-effect"])
    numerator: int
    denominator: int
    rate: float | None
    sentence: str


class PublishedOut(BaseModel):
    """What others published, with whom it was counted in."""

    figure: str
    says: str
    population: str
    source: str
    evidence: str
    percent: float | None


class DaysOut(BaseModel):
    first: date
    last: date


class FiguresOut(BaseModel):
    period: DaysOut
    figures: list[FigureOut]
    published: list[PublishedOut]
    limits: str


class DecisionIn(BaseModel):
    """Whether what a report proposes becomes an event of a course."""

    model_config = strict({"accept": False, "text": "Spoke with her: the rash is from a plant."})

    accept: bool
    text: Note
    course_id: UUID | None = Field(None, description="Of which course; needed to accept.")
    review_on: Start | None = Field(None, description="Of a pause: when it is looked at again.")


@router.post(
    "/check-ins/switch",
    operation_id="switch_check_ins",
    response_model=SwitchOut,
    responses=documented(409),
)
def switch_check_ins(call: Looking, body: SwitchIn) -> Response:
    """Switch the question set on or off, by name. Off, the page asks its one question as before."""
    named = bool(call.caller.key)

    def effect(session: Any) -> SwitchOut:
        found = asking.switch(session, call.clinic_id, on=body.on, by=call.by, named=named, now=call.now)
        return SwitchOut.model_validate(found)

    return call.act(effect)


@router.get("/patients/{patient_id}/check-ins", operation_id="list_check_ins", response_model=CheckInList)
def list_check_ins(call: Looking, patient_id: PatientId) -> Response:
    """What a patient answered, the newest first, each with its level and the reasons. Reading is audited."""
    key = call.clinic_id, patient_id

    def effect(session: Any) -> CheckInList:
        found = answered.of_patient(session, key, by=call.by, now=call.now)
        told = answered.reports_of(session, key)
        return CheckInList(
            items=[CheckInOut.of(one) for one in found], reports=[ReportOut.of(one) for one in told]
        )

    return call.act(effect)


@router.get("/reports/check-ins", operation_id="report_check_ins", responses=documented(422))
def report_check_ins(
    house: InHouse,
    now: Now,
    caller: Asks,
    clinic: Asked = None,
    first: Annotated[Start | None, Query(alias="from", description="By default a year back.")] = None,
    last: Annotated[Start | None, Query(alias="to", description="By default today.")] = None,
) -> FiguresOut:
    """Side effects and control from the clinic's own check-ins, beside published rates with their people."""
    try:
        found = side_effects.report(
            house.engine, clinic_id=caller.clinic(clinic), first=first, last=last, now=now
        )
    except Refused as error:
        raise Problem(422, str(error)) from None
    return FiguresOut.model_validate(side_effects.as_json(found))


@router.post(
    "/patient-reports/{report_id}/decision",
    operation_id="decide_report",
    response_model=ReportOut,
    responses=documented(409),
)
def decide_report(call: Looking, report_id: ReportId, body: DecisionIn) -> Response:
    """Accept or decline what a patient's report proposes. The work item stays open for what came of it."""
    key = call.clinic_id, report_id

    def effect(session: Any) -> ReportOut:
        found = decisions.decide(session, key, Decision(**body.model_dump()), by=call.by, now=call.now)
        return ReportOut.of(found)

    return call.act(effect)
