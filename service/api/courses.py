"""For coordinators: who is on which medicine, and what is due when and why."""

from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Path, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, field_validator

from db.tables import EndReason, WorkState
from schedules.facts import Class, EventType, Former, State, Status
from schedules.protocol import FLAGS, Kind, Level
from service import guard
from service.api.calls import Creating, Looking, Made
from service.api.differences import READ, DryRun, LocalMoment, VisitOut
from service.api.patients import BirthDate, PatientId, Text, strict
from service.api.problems import documented
from service.flows import beginnings, courses
from service.flows.beginnings import Begun
from service.flows.courses import Standing, Whole
from service.ingest import cells

router = guard.router(prefix="/v1", tags=["courses"])

COURSE_EXAMPLE = "01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d5f"
CourseId = Annotated[UUID, Path(examples=[COURSE_EXAMPLE])]
Slug = Annotated[Text, AfterValidator(cells.slug)]
Start = Annotated[BirthDate, Field(examples=["2025-12-15"])]


class CourseIn(BaseModel):
    """A medicine that a patient begins, or is on already."""

    model_config = strict({"protocol": "mercaptopurine-sps", "start": "2025-12-15", "dose": "50 mg daily"})

    protocol: Slug = Field(examples=["mercaptopurine-sps"])
    start: Start = Field(description="First day on the medicine.")
    enrolled: Start | None = Field(None, description="First day the clinic answers for, when it is later.")
    indication: Slug | None = Field(None, examples=["rheumatoid-arthritis"])
    flags: list[str] = Field([], max_length=len(FLAGS), json_schema_extra={"enum": [list(FLAGS)]})
    dose: Text | None = Field(None, examples=["50 mg daily"])

    @field_validator("flags")
    @classmethod
    def _known(cls, flags: list[str]) -> list[str]:
        return list(cells.flags(";".join(flags)))

    attested: list[Slug] = Field([], max_length=60, description="Of the protocol's baseline, what was seen.")
    decided_by: Text | None = Field(None, description="The clinician who lets it begin without the rest.")
    reason: Text | None = Field(None, description="And why.")

    def typed(self) -> dict[str, Any]:
        return self.model_dump(exclude={"attested", "decided_by", "reason"}) | {"flags": tuple(self.flags)}

    def begun(self) -> Begun:
        return Begun(attested=tuple(self.attested), decided_by=self.decided_by, reason=self.reason)


class ItemOut(BaseModel):
    id: UUID
    clock: str = Field(examples=["blood-count"])
    kind: Kind
    ordinal: int
    version: int
    phase: str = Field(examples=["0"])
    due_on: date
    opens_on: date
    last_on_time: date
    lapses_on: date
    state: State
    class_: Class | None = Field(serialization_alias="class", description="How it ended; null: it is open.")
    collected_on: date | None
    missing: list[str] = Field(description="What is still to be tested, by name.")
    appointment: LocalMoment | None
    why: str = Field(description="The rule that gave the day, and its source.")


class EventOut(BaseModel):
    model_config = READ

    id: UUID
    on: date
    type: EventType
    clock: str | None
    reason: str | None
    review_on: date | None
    every: str | None = Field(examples=["P2W"])
    due_on: date | None
    decided_by: str | None
    at_local: LocalMoment | None = Field(serialization_alias="at")
    dose: str | None
    recorded_at: AwareDatetime
    voided_at: AwareDatetime | None = Field(serialization_alias="entered_in_error_at")


class FormerOut(BaseModel):
    """What a course stood under before."""

    protocol: str = Field(examples=["mercaptopurine-sps"])
    protocol_version: int
    flags: list[str]
    until: date = Field(description="The day from which the next one governed.")

    @classmethod
    def of(cls, former: Former) -> Self:
        protocol, flags = former.protocol, sorted(former.flags)
        return cls(protocol=protocol.id, protocol_version=protocol.version, flags=flags, until=former.until)


class BaselineOut(BaseModel):
    model_config = READ

    id: str = Field(examples=["tpmt"])
    name: str
    required: bool


class CourseOut(Made):
    patient_id: UUID
    medicine: str = Field(examples=["mercaptopurine"])
    protocol: str = Field(examples=["mercaptopurine-sps"])
    protocol_version: int
    earlier: list[FormerOut] = Field(description="Versions and flags before those that it has now.")
    start: date
    enrolled: date | None
    indication: str | None
    flags: list[str]
    dose: str | None
    status: Status = Field(description="What is asked before a repeat is issued.")
    ended_on: date | None
    baseline_missing: list[BaselineOut] = Field(description="Asked for before the first dose, and not there.")
    items: list[ItemOut]
    events: list[EventOut]

    @classmethod
    def of(cls, found: Standing) -> Self:
        facts = found.facts
        course, protocol = facts.course, facts.course.protocol
        return cls(
            id=facts.id, patient_id=facts.patient_id, medicine=facts.medicine, protocol=protocol.id,
            protocol_version=protocol.version, start=course.start,
            earlier=[FormerOut.of(one) for one in course.earlier], enrolled=course.enrolled,
            indication=course.indication, flags=sorted(course.flags), dose=facts.dose,
            status=found.plan.status, ended_on=None if found.plan.end is None else found.plan.end[0],
            baseline_missing=[BaselineOut.model_validate(one) for one in beginnings.missing(facts)],
            items=[_item(found, row) for row in found.items],
            events=[EventOut.model_validate(row) for row in found.events],
        )  # fmt: skip


def _item(found: Standing, row: Any) -> ItemOut:
    names = [name for name in ItemOut.model_fields if hasattr(row.item, name)]
    said = {name: getattr(row.item, name) for name in names}
    said |= {"state": found.state(row), "phase": str(row.item.phase), "missing": list(row.item.missing)}
    said["appointment"] = None if row.item.appointment is None else row.item.appointment.isoformat()
    return ItemOut(**said | {"id": row.id, "version": row.version})


class OpenWorkOut(BaseModel):
    """Something a person has to do for this patient."""

    model_config = READ

    id: UUID
    kind: str = Field(examples=["unreachable"])
    level: Level
    state: WorkState
    owner: str | None
    due_by: AwareDatetime


class WholeOut(BaseModel):
    """One patient as a coordinator sees them: medicines, what is due, what is asked of people."""

    id: UUID
    name: str = Field(examples=["Ada Invented"])
    today: date = Field(description="Where the patient lives.")
    ended_on: date | None
    ended_reason: EndReason | None
    courses: list[CourseOut]
    visits: list[VisitOut]
    work: list[OpenWorkOut]

    @classmethod
    def of(cls, found: Whole) -> Self:
        row = found.person
        return cls(
            id=row.id, name=row.name, today=found.today, ended_on=row.ended_on, ended_reason=row.ended_reason,
            courses=[CourseOut.of(standing) for standing in found.standings],
            visits=[VisitOut.model_validate(visit) for visit in found.visits],
            work=[OpenWorkOut.model_validate(work) for work in found.work],
        )  # fmt: skip


@router.post(
    "/patients/{patient_id}/courses",
    operation_id="enrol_patient",
    status_code=201,
    response_model=CourseOut,
    responses={200: {"model": CourseOut, "description": "With dry_run: the plan, of which nothing is kept."}},
)
def enrol_patient(call: Creating, patient_id: PatientId, body: CourseIn, dry_run: DryRun = False) -> Response:
    """Put a patient on a medicine: planned at once, every date with its why."""
    key = call.clinic_id, patient_id

    def effect(session: Any) -> CourseOut:
        said, begun = body.typed(), body.begun()
        return CourseOut.of(courses.enrol(session, key, said, by=call.by, now=call.now, begun=begun))

    return call.rehearse(effect) if dry_run else call.once(body, effect, at="/v1/courses")


@router.get("/patients/{patient_id}/whole", operation_id="read_whole_patient", response_model=WholeOut)
def read_whole_patient(call: Looking, patient_id: PatientId) -> Response:
    """Medicines, plans, visits and work of a patient; that it was read is kept in the audit."""
    key = call.clinic_id, patient_id
    return call.read(lambda session: WholeOut.of(courses.whole(session, key, by=call.by, now=call.now)))


@router.get(
    "/courses/{course_id}", operation_id="read_course", response_model=CourseOut, responses=documented(404)
)
def read_course(call: Looking, course_id: CourseId) -> Response:
    """One course: its items with why each is due, and its events; that it was read is kept in the audit."""
    key = call.clinic_id, course_id
    return call.read(lambda session: CourseOut.of(courses.read(session, key, by=call.by, now=call.now)))
