"""For coordinators: who the patients are. A name is asked for in a body, for an address stays in logs."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import Path, Response
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from db.tables import Audience, EndReason, Wording
from schedules import days
from service import guard
from service.api import paging
from service.api.calls import Changing, Creating, Looking, Versioned
from service.api.paging import Page
from service.flows import patients
from service.flows.patients import Chart
from service.ingest import cells
from service.ingest.canonical import AT_HOME
from service.ingest.rows import Moment

router = guard.router(prefix="/v1/patients", tags=["patients"])
STRICT = ConfigDict(extra="forbid", str_strip_whitespace=True)


def strict(example: dict[str, Any]) -> ConfigDict:
    """Of a body that has this example."""
    return STRICT | ConfigDict(json_schema_extra={"examples": [example]})


PatientId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d5e"])]
Text = Annotated[str, Field(min_length=1, max_length=cells.LONGEST), AfterValidator(cells.name)]
Number = Annotated[
    Text, Field(examples=["204417"], description="The number the clinic knows the patient by.")
]
Name = Annotated[Text, Field(examples=["Ada Invented"], description="As it is written.")]
BirthDate = Annotated[date, Field(ge=date(1880, 1, 1), le=date(2200, 1, 1), examples=["1968-04-30"])]
Zone = Annotated[Text, AfterValidator(cells.zone), Field(examples=["America/New_York"], description="IANA.")]
Language = Annotated[Text, AfterValidator(cells.language), Field(examples=["en"])]
LocalTime = Annotated[str, BeforeValidator(lambda at: f"{at:%H:%M}")]


def _readable(read: Callable[[str], Any]) -> AfterValidator:
    """It stays the text that it is: a date's time has no examples in JSON."""

    def check(text: str) -> str:
        read(text)
        return text

    return AfterValidator(check)


TIMES = {
    "preferred_time": cells.clock_time,
    "quiet_start": cells.quiet_time,
    "quiet_end": cells.quiet_time,
}
At = Annotated[Text, _readable(cells.clock_time)]
Quiet = Annotated[Text, _readable(cells.quiet_time)]


class Agreement(BaseModel):
    """The answer to whether reminders may be sent there."""

    model_config = STRICT

    given: bool
    at: AwareDatetime = Field(examples=["2026-01-05T14:30:00-05:00"])
    source: Text = Field(examples=["paper form"], description="How it was answered.")
    wording: Annotated[str, Field(max_length=cells.LONGEST_NOTE), AfterValidator(cells.note)] = Field(
        "", description="What was agreed to, as it was shown."
    )


class ContactIn(BaseModel):
    model_config = STRICT

    audience: Audience = Audience.PATIENT
    channel: str = Field(examples=["sms"], json_schema_extra={"enum": [channel.value for channel in AT_HOME]})
    address: Text = Field(examples=["+12025550101"], description="A number with its country, or an address.")
    consent: Agreement | None = Field(None, description="Null: nobody has asked, so nothing is sent.")

    def typed(self) -> dict[str, Any]:
        answer = self.consent
        return {
            "audience": self.audience,
            "channel": cells.one_of(*AT_HOME)(self.channel),
            "address": self.address,
            "consent": None if answer is None else answer.given,
            "consent_at": None if answer is None else Moment(at=answer.at),
            "consent_source": "" if answer is None else answer.source,
            "consent_wording": "" if answer is None else answer.wording,
        }

    @model_validator(mode="after")
    def _can_be(self) -> Self:
        self.typed()
        if self.audience not in (Audience.PATIENT, Audience.CARER):
            raise cells.Refused("this reaches nobody at home", "use patient or carer")
        return self


EXAMPLE: dict[str, Any] = {
    "mrn": "204417",
    "name": "Ada Invented",
    "birth_date": "1968-04-30",
    "time_zone": "America/New_York",
    "language": "en",
    "wording": "blood-test",
    "contacts": [
        {
            "channel": "sms",
            "address": "+12025550101",
            "consent": {"given": True, "at": "2026-01-05T14:30:00-05:00", "source": "paper form"},
        }
    ],
}


class PatientIn(BaseModel):
    """A new patient."""

    model_config = STRICT | ConfigDict(json_schema_extra={"examples": [EXAMPLE]})

    authority: Text = Field("clinic", description="Who gave the number, when it is not the clinic.")
    mrn: Number
    name: Name
    birth_date: BirthDate
    time_zone: Zone | None = Field(None, description="Where the patient lives; null: the clinic's.")
    language: Language | None = Field(None, description="Of messages; null: the clinic's.")
    wording: Wording = Field(Wording.NEUTRAL, description="What messages may say: what was agreed to.")
    contacts: list[ContactIn] = Field([], max_length=20)

    def typed(self) -> dict[str, Any]:
        return {
            **{name: getattr(self, name) for name in type(self).model_fields if name != "contacts"},
            "preferred_time": days.DEFAULT_TIME,
            "quiet_start": days.DEFAULT_QUIET_HOURS.start,
            "quiet_end": days.DEFAULT_QUIET_HOURS.end,
            "ended_on": None,
            "ended_reason": None,
        }


class PatientChange(BaseModel):
    """What is to be another; what is left out or null stays."""

    model_config = STRICT | ConfigDict(json_schema_extra={"examples": [{"wording": "neutral"}]})

    mrn: Number | None = None
    name: Name | None = None
    birth_date: BirthDate | None = None
    language: Language | None = None
    wording: Wording | None = None
    time_zone: Zone | None = Field(None, description="What waits is computed again.")
    preferred_time: At | None = Field(None, examples=["09:00"], description="Local, when messages go.")
    quiet_start: Quiet | None = Field(None, examples=["21:00"], description="none: no quiet hours.")
    quiet_end: Quiet | None = Field(None, examples=["08:00"], description="none: no quiet hours.")

    def typed(self) -> dict[str, Any]:
        said = self.model_dump(exclude_none=True)
        return said | {name: read(said[name]) for name, read in TIMES.items() if name in said}

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.typed():
            raise cells.Refused("nothing is to be changed", "give at least one field")
        return self


class ContactOut(BaseModel):
    id: UUID
    audience: Audience
    channel: str = Field(examples=["sms"])
    address: str = Field(examples=["+12025550101"])
    consent: bool | None = Field(description="The newest answer; null: nobody has asked.")
    consent_id: UUID | None = Field(description="Of that answer, by which it can be taken back.")
    bad: bool = Field(description="Nothing can be delivered there.")
    relation: str | None = Field(examples=["guardian"], description="Of a carer; null: not said.")
    ends_on: date | None = Field(description="From that day on nothing is sent there.")


class PatientOut(Versioned):
    clinic_id: UUID
    authority: str
    mrn: str = Field(examples=["204417"])
    name: str = Field(examples=["Ada Invented"])
    birth_date: date
    time_zone: str = Field(examples=["America/New_York"])
    language: str = Field(examples=["en"])
    preferred_time: LocalTime = Field(examples=["09:00"], description="Local, when messages go.")
    quiet_start: LocalTime | None = Field(examples=["21:00"], description="Null: no quiet hours.")
    quiet_end: LocalTime | None = Field(examples=["08:00"])
    wording: Wording
    ended_on: date | None
    ended_reason: EndReason | None
    created_at: AwareDatetime
    contacts: list[ContactOut]

    @classmethod
    def of(cls, chart: Chart) -> Self:
        own = {name: getattr(chart.row, name) for name in cls.model_fields if name != "contacts"}
        return cls(**own, contacts=[_contact(chart, row) for row in chart.contacts])


def _contact(chart: Chart, row: Any) -> ContactOut:
    answer = chart.consents.get(row.id)
    return ContactOut(
        id=row.id, audience=row.audience, channel=row.channel.value, address=row.address,
        consent=answer and answer.given, consent_id=answer and answer.consent_id,
        bad=row.bad_since is not None,
        relation=row.relation, ends_on=row.ends_on,
    )  # fmt: skip


class Sought(BaseModel):
    """By number, or by a part of the name; by neither, everybody."""

    model_config = STRICT | ConfigDict(json_schema_extra={"examples": [{"name": "Invented", "limit": 20}]})

    mrn: Number | None = None
    name: Name | None = None
    limit: int = Field(100, ge=1, le=500)
    cursor: str | None = Field(None, max_length=60, description="The `next` of the page before.")


class PatientLine(BaseModel):
    id: UUID
    authority: str
    mrn: str = Field(examples=["204417"])
    name: str = Field(examples=["Ada Invented"])
    birth_date: date
    ended_on: date | None


class PatientPage(Page):
    items: list[PatientLine]


@router.post("", operation_id="create_patient", status_code=201, response_model=PatientOut)
def create_patient(call: Creating, body: PatientIn) -> Response:
    """Enter a patient, with the addresses on which reminders may be sent."""
    reached = [contact.typed() for contact in body.contacts]
    return call.once(
        body,
        lambda session: PatientOut.of(
            patients.create(session, call.clinic_id, body.typed(), reached, by=call.by, now=call.now)
        ),
    )


@router.post("/search", operation_id="find_patients")
def find_patients(call: Looking, body: Sought) -> PatientPage:
    """Find patients by number or name, the first entered first."""
    after = paging.after(body.cursor)
    rows = call.look(
        lambda session: patients.find(
            session, call.clinic_id, mrn=body.mrn, name=body.name, after=after, limit=body.limit + 1
        )
    )
    page, cursor = paging.cut(rows, body.limit)
    lines = [PatientLine.model_validate(row, from_attributes=True) for row in page]
    return PatientPage(items=lines, next=cursor)


@router.get("/{patient_id}", operation_id="read_patient", response_model=PatientOut)
def read_patient(call: Looking, patient_id: PatientId) -> Response:
    """One patient; that it was read, and by whom, is kept in the audit."""
    key = call.clinic_id, patient_id
    return call.read(lambda session: PatientOut.of(patients.read(session, key, by=call.by, now=call.now)))


@router.patch("/{patient_id}", operation_id="change_patient", response_model=PatientOut)
def change_patient(call: Changing, patient_id: PatientId, body: PatientChange) -> Response:
    """Change who a patient is, or what messages may say."""
    key = call.clinic_id, patient_id
    return call.act(
        lambda session: PatientOut.of(
            patients.change(session, key, body.typed(), version=call.version, by=call.by, now=call.now)
        )
    )
