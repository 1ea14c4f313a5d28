"""What an entry changes, as every operation that enters one answers it."""

from datetime import date
from typing import Annotated
from uuid import UUID

from fastapi import Query
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from db.tables import Audience, Effect
from schedules.facts import Class

READ = ConfigDict(from_attributes=True, populate_by_name=True)
DryRun = Annotated[bool, Query(description="Only say what it would change: nothing is written or sent.")]
LocalMoment = Annotated[str, Field(examples=["2026-03-09T14:30"])]


class MovedOut(BaseModel):
    """One item that is new, or has another day or state."""

    model_config = READ

    course_id: UUID
    clock: str = Field(examples=["blood-count"])
    ordinal: int = Field(examples=[3])
    was_due_on: date | None = Field(description="Null: the item is new.")
    due_on: date
    class_: Class | None = Field(serialization_alias="class", description="How it ended; null: it is open.")
    held: bool
    why: str = Field(description="The rule that gave the day, and its source.")


class ResaidOut(BaseModel):
    """What waits to be said of an item on one track, where it is another than before."""

    model_config = READ

    course_id: UUID
    clock: str = Field(examples=["blood-count"])
    ordinal: int = Field(examples=[3])
    audience: Audience
    effect: Effect
    was_send_at: AwareDatetime | None
    rung: str | None = Field(examples=["week-before"])
    send_at: AwareDatetime | None = Field(description="Null: nothing waits any more.")


class VisitOut(BaseModel):
    """One journey: what is to be tested by that day."""

    model_config = READ

    on: date
    components: list[str] = Field(examples=[["anc", "hb", "plt", "wbc"]])


class DifferenceOut(BaseModel):
    """What is another than before; empty where nothing is."""

    model_config = READ

    dates: list[MovedOut]
    messages: list[ResaidOut]
    visits_gone: list[VisitOut]
    visits_new: list[VisitOut]
