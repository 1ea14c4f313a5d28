"""For coordinators: what happened to a course or a patient, and what was a mistake."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Response
from pydantic import AfterValidator, BaseModel, Field, model_validator

from db.tables import EndReason
from schedules.facts import EventType
from schedules.plan import FAREWELLS
from service import guard
from service.api.calls import Changing, Creating, Looking, Made
from service.api.courses import CourseId, Slug, Start
from service.api.differences import READ, DifferenceOut, DryRun
from service.api.patients import PatientId, Text, strict
from service.api.problems import documented
from service.flows import events, mistakes
from service.flows.mistakes import Entry
from service.ingest import cells

router = guard.router(prefix="/v1", tags=["events"])

EVENT_EXAMPLE = "01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d60"
HELD = {"on": "2026-01-04", "type": "hold", "reason": "planned", "review_on": "2026-01-18"}
Note = Annotated[str, Field(min_length=1, max_length=cells.LONGEST_NOTE), AfterValidator(cells.note)]
Confirmed = Annotated[bool, Field(description="Also while alerts, work or overdue items are open.")]
Every = Annotated[str, Field(max_length=10), AfterValidator(lambda text: str(cells.duration(text)))]
At = Annotated[Text, AfterValidator(lambda text: cells.appointment(text).isoformat())]


class EventIn(BaseModel):
    """What happened to a course on a day. That a patient died or left is said of the patient."""

    model_config = strict(HELD)

    on: Start = Field(examples=["2026-01-04"], description="The day it took effect.")
    type: EventType = Field(
        json_schema_extra={"enum": [one.value for one in EventType if one not in FAREWELLS]}
    )
    clock: Slug | None = Field(None, description="The protocol's clock it concerns; null: every one.")
    reason: Note | None = Field(None, description="Why; of attested: where the report was seen.")
    review_on: Start | None = Field(None, description="The day on which it is looked at again.")
    every: Every | None = Field(None, examples=["P2W"], description="The interval of an override.")
    due_on: Start | None = Field(None, description="Or the day that an override sets.")
    decided_by: Text | None = Field(None, examples=["Dr Grace Example"])
    at: At | None = Field(None, examples=["2026-03-09T14:30"], description="Of booked: local time.")
    dose: Text | None = Field(None, examples=["150 mg daily"], description="From that day on.")

    @model_validator(mode="after")
    def _of_a_course(self) -> "EventIn":
        if self.type in FAREWELLS:
            raise cells.Refused("this happens to the patient, not to a course", "use the patient's end")
        return self

    def typed(self) -> dict[str, Any]:
        said = self.model_dump(exclude={"at"})
        return said | {"at_local": self.at}


class RecordedOut(Made):
    model_config = READ

    difference: DifferenceOut


class EndIn(BaseModel):
    """The patient died, left or moved away."""

    model_config = strict({"on": "2026-01-04", "reason": "left", "confirmed": True})

    on: Start = Field(description="The day from which the clinic no longer looks after the patient.")
    reason: EndReason
    confirmed: Confirmed = False


class MistakeIn(BaseModel):
    """Which entry of the patient was a mistake, and why."""

    model_config = strict({"entry": "event", "id": EVENT_EXAMPLE, "reason": "entered for the wrong patient"})

    entry: Entry
    id: UUID | None = Field(
        None, description="Of the entry; of a merge the former record's; null for the end of the patient."
    )
    reason: Note
    confirmed: Confirmed = False


@router.post(
    "/courses/{course_id}/events",
    operation_id="record_event",
    status_code=201,
    response_model=RecordedOut,
    responses={200: {"model": RecordedOut, "description": "With dry_run: what it would change."}},
)
def record_event(call: Creating, course_id: CourseId, body: EventIn, dry_run: DryRun = False) -> Response:
    """Enter an event; the course is planned again with it. Refused in a sentence where it cannot be."""
    key = call.clinic_id, course_id

    def effect(session: Any) -> RecordedOut:
        found = events.record(session, key, body.typed(), by=call.by, now=call.now)
        return RecordedOut.model_validate(found)

    return call.rehearse(effect) if dry_run else call.once(body, effect)


@router.post("/patients/{patient_id}/end", operation_id="end_patient", response_model=DifferenceOut)
def end_patient(call: Changing, patient_id: PatientId, body: EndIn, dry_run: DryRun = False) -> Response:
    """Everything ends for the patient at once, nothing more is sent; what it changes is answered."""
    key, said = (call.clinic_id, patient_id), body.model_dump()
    said["confirmed"] |= dry_run

    def effect(session: Any) -> DifferenceOut:
        found = events.end(session, key, **said, version=call.version, by=call.by, now=call.now)
        return DifferenceOut.model_validate(found)

    return call.rehearse(effect) if dry_run else call.act(effect)


@router.post(
    "/patients/{patient_id}/entered-in-error",
    operation_id="take_back",
    response_model=DifferenceOut,
    responses=documented(409),
)
def take_back(call: Looking, patient_id: PatientId, body: MistakeIn, dry_run: DryRun = False) -> Response:
    """Mark an entry as a mistake, by a fact of its own; everything is planned again without it."""
    key, entry = (call.clinic_id, patient_id), (body.entry, body.id)
    confirmed = body.confirmed or dry_run

    def effect(session: Any) -> DifferenceOut:
        found = mistakes.take_back(
            session, key, *entry, confirmed=confirmed, reason=body.reason, by=call.by, now=call.now
        )
        return DifferenceOut.model_validate(found)

    return call.rehearse(effect) if dry_run else call.act(effect)
