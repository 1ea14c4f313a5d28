"""For coordinators and laboratories' systems: what was found in a draw."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field, model_validator

from db.tables import ResultStatus
from service import guard
from service.api import paging
from service.api.calls import Creating, Looking
from service.api.courses import Start
from service.api.differences import READ, DifferenceOut, DryRun
from service.api.paging import Page
from service.api.patients import PatientId, Text, strict
from service.flows import draws
from service.ingest import cells, values
from service.ingest.rows import Moment

router = guard.router(prefix="/v1/patients", tags=["results"])


class ValueIn(BaseModel):
    """One analyte, as the laboratory wrote it."""

    model_config = {"extra": "forbid", "str_strip_whitespace": True}

    analyte: Annotated[Text, AfterValidator(values.analyte)] = Field(
        examples=["wbc"], description="An id of the library, a LOINC or a SNOMED code."
    )
    value: Annotated[str, Field(max_length=cells.LONGEST), AfterValidator(cells.name)] = Field(
        "", examples=["4.1"], description="A plain number, or a bound as <0.2."
    )
    unit: Annotated[str, Field(max_length=cells.LONGEST), AfterValidator(cells.name)] = Field(
        "", examples=["10*9/L"], description="Without one that is known the value closes nothing."
    )
    status: ResultStatus = ResultStatus.FINAL


class DrawIn(BaseModel):
    """The values of one draw. A report seen without its values is the event attested of a course."""

    model_config = strict(
        {"collected_on": "2026-01-04", "values": [{"analyte": "wbc", "value": "4.1", "unit": "10*9/L"}]}
    )

    collected_on: Start | None = Field(None, examples=["2026-01-04"], description="Where the patient was.")
    collected_at: Annotated[Text, AfterValidator(cells.moment)] | None = Field(
        None, examples=["2026-01-04T08:15"], description="Or its time: local, or with an offset."
    )
    resulted_at: Annotated[Text, AfterValidator(cells.moment)] | None = Field(
        None,
        examples=["2026-01-04T17:40Z"],
        description="When the laboratory issued this version: of two the later stands, whichever came first.",
    )
    values: list[ValueIn] = Field(min_length=1, max_length=100)

    @model_validator(mode="after")
    def _once(self) -> Self:
        if (self.collected_on is None) == (self.collected_at is None):
            raise cells.Refused("a draw has a day or a time", "give one of collected_on, collected_at")
        if len({one.analyte for one in self.values}) < len(self.values):
            raise cells.Refused("an analyte is given twice", "give each once, and each draw by itself")
        return self

    def typed(self) -> list[dict[str, Any]]:
        day = None if self.collected_on is None else Moment(day=self.collected_on)
        when = {"collected_on": day, "collected_at": self.collected_at}
        when |= {"resulted_at": self.resulted_at}
        return [one.model_dump() | when for one in self.values]


class ResultOut(BaseModel):
    model_config = READ

    id: UUID
    analyte: str = Field(examples=["wbc"])
    value: Decimal | None = Field(examples=["4.1"], description="In the analyte's own unit.")
    value_as_sent: str = Field(examples=["4.1"])
    unit_as_sent: str | None = Field(examples=["10*9/L"])
    collected_on: date
    collected_at: AwareDatetime | None
    resulted_at: AwareDatetime | None
    status: ResultStatus
    usable: bool
    problem: str | None = Field(description="Why it closes nothing, where it is not usable.")
    recorded_at: AwareDatetime


class DrawnOut(BaseModel):
    model_config = READ

    results: list[ResultOut]
    beyond_a_limit: int = Field(description="How many have a work item now, for a person to look at.")
    difference: DifferenceOut


class ResultList(Page):
    items: list[ResultOut]


@router.post(
    "/{patient_id}/results",
    operation_id="record_results",
    status_code=201,
    response_model=DrawnOut,
    responses={200: {"model": DrawnOut, "description": "With dry_run: what they would change."}},
)
def record_results(call: Creating, patient_id: PatientId, body: DrawIn, dry_run: DryRun = False) -> Response:
    """Enter the values of a draw: judged at once, and every course planned again."""
    key = call.clinic_id, patient_id

    def effect(session: Any) -> DrawnOut:
        found = draws.record(session, key, body.typed(), by=call.by, now=call.now)
        return DrawnOut.model_validate(found)

    return call.rehearse(effect) if dry_run else call.once(body, effect)


@router.get("/{patient_id}/results", operation_id="list_results", response_model=ResultList)
def list_results(
    call: Looking, patient_id: PatientId, cursor: paging.Cursor = None, limit: paging.Limit = 200
) -> Response:
    """The results of a patient that stand, the newest known first."""
    key, part = (call.clinic_id, patient_id), paging.part(cursor, limit)

    def effect(session: Any) -> ResultList:
        rows, following = paging.cut(draws.read(session, key, part, by=call.by, now=call.now), limit)
        return ResultList(items=[ResultOut.model_validate(row) for row in rows], next=following)

    return call.act(effect)
