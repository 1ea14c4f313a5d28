"""What a clinic is answered: the lines behind a report, and the status of its courses."""

from dataclasses import asdict
from datetime import date
from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from schedules.facts import Status
from service.flows.prescribing import Standing, Without


class LineOut(BaseModel):
    """One item, clock or course behind a number. Counts of lines add up to the report's figures."""

    measure: str = Field(examples=["on-time"])
    group: str | None = Field(examples=["Elm Street"])
    part: str = Field(examples=["late"])
    kind: str = Field(description="numerator, rest (both make the denominator) or excluded")
    count: int = Field(description="Days of a clock, or 1.")
    clinic: str
    mrn: str
    medicine: str
    protocol: str
    clock: str | None
    ordinal: int | None
    phase: str | None
    due_on: date | None
    last_on_time: date | None
    collected_on: date | None
    days_late: int | None


class LinesPage(BaseModel):
    items: list[LineOut]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class StandingOut(BaseModel):
    """One course and whether its monitoring is in date."""

    clinic_id: UUID
    course_id: UUID
    patient_id: UUID
    clinic: str
    mrn: str
    name: str
    medicine: str
    protocol: str
    status: Status = Field(examples=["overdue"])
    due_on: date | None
    last_on_time: date | None
    lapses_on: date | None

    @classmethod
    def of(cls, one: Standing) -> Self:
        return cls(**asdict(one))


class StandingsPage(BaseModel):
    counts: dict[str, int] = Field(examples=[{"lapsed": 1, "overdue": 2, "held": 0, "due": 4, "in-date": 90}])
    items: list[StandingOut]
    next: str | None = Field(description="The cursor of the next page; null on the last one.")


class WithoutOut(BaseModel):
    """A test clock of somebody on a medicine that has no next date."""

    clinic_id: UUID
    course_id: UUID
    patient_id: UUID
    clinic: str
    mrn: str
    name: str
    medicine: str
    protocol: str
    clock: str
    why: str

    @classmethod
    def of(cls, one: Without) -> Self:
        return cls(**asdict(one))


class WithoutList(BaseModel):
    count: int = Field(description="It should be 0.")
    items: list[WithoutOut]
