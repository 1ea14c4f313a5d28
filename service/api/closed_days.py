"""For coordinators: the weekdays and dates on which nobody can come to the clinic."""

from typing import Annotated, Any, Self

from fastapi import Response
from pydantic import AwareDatetime, BaseModel, Field, field_validator

from db.closed_days import Said
from service import guard
from service.api.calls import Changing, Looking, Versioned
from service.api.courses import Start
from service.api.differences import READ
from service.api.patients import Text, strict
from service.api.problems import documented
from service.flows import closed_days
from service.flows.closed_days import Shown
from service.ingest import cells

router = guard.router(prefix="/v1/closed-days", tags=["closed days"])

Weekday = Annotated[int, Field(ge=1, le=7)]
CHRISTMAS = {"on": "2026-12-25", "name": "Christmas Day"}


class ClosedDateIn(BaseModel):
    """One date on which the clinic is closed."""

    model_config = strict(CHRISTMAS)

    on: Start
    name: Text = Field(description="Why, for whoever reads the list.")


class ClosedDaysIn(BaseModel):
    """All closed days: what is not in it is open."""

    model_config = strict({"weekdays": [6, 7], "dates": [CHRISTMAS]})

    weekdays: list[Weekday] = Field([], max_length=7, description="Monday is 1.")
    dates: list[ClosedDateIn] = Field([], max_length=500)

    @field_validator("weekdays")
    @classmethod
    def _open_on_one(cls, weekdays: list[int]) -> list[int]:
        if len(set(weekdays)) == 7:
            raise cells.Refused("no day of the week is left", "leave out those on which the clinic is open")
        return weekdays

    @field_validator("dates")
    @classmethod
    def _once_each(cls, dates: list[ClosedDateIn]) -> list[ClosedDateIn]:
        if len({one.on for one in dates}) != len(dates):
            raise cells.Refused("a date stands in it twice", "name each once")
        return dates


class ClosedDateOut(BaseModel):
    model_config = READ

    on: Start
    name: str


class ClosedDaysOut(Versioned):
    """A clinic's closed days, by the clinic's id. Version 0: none were set yet."""

    set_by: str | None = Field(examples=["Dana Reyes"])
    set_at: AwareDatetime | None
    weekdays: list[int] = Field(description="Monday is 1.")
    dates: list[ClosedDateOut]

    @classmethod
    def of(cls, found: Shown) -> Self:
        own = {name: getattr(found, name) for name in ("id", "version", "set_by", "set_at", "weekdays")}
        return cls(**own, dates=[ClosedDateOut.model_validate(one) for one in found.dates])


@router.get("", operation_id="read_closed_days", response_model=ClosedDaysOut)
def read_closed_days(call: Looking) -> Response:
    """When the clinic is closed: nothing can be booked then, and what is due then is asked for earlier."""
    return call.foresee(lambda session: ClosedDaysOut.of(closed_days.show(session, call.clinic_id)))


@router.put("", operation_id="set_closed_days", response_model=ClosedDaysOut, responses=documented(409))
def set_closed_days(call: Changing, body: ClosedDaysIn) -> Response:
    """Say when the clinic is closed from now on. The first list is set with `If-Match: "0"`.

    No due day moves. A visit that is booked on a closed day becomes a work item, and reminders of what is due
    on one come earlier.
    """
    said = Said(frozenset(body.weekdays), {one.on: one.name for one in body.dates})

    def effect(session: Any) -> ClosedDaysOut:
        call.expect(closed_days.version(session, call.clinic_id))
        found = closed_days.put(session, call.clinic_id, said, version=call.version, by=call.by, now=call.now)
        return ClosedDaysOut.of(found)

    return call.act(effect)
