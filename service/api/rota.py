"""For coordinators: who is told of red work at which hours, and what that leaves open."""

from datetime import time
from typing import Annotated, Any, Literal, Self

from fastapi import Response
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from db.tables import Channel
from schedules.rota import EVERY_DAY, Rung
from service import guard
from service.api.calls import Changing, Looking, Versioned
from service.api.differences import READ
from service.api.patients import At, Text, strict
from service.api.problems import documented
from service.flows import rota
from service.flows.rota import Duty, Shown, Standing
from service.ingest import cells

router = guard.router(prefix="/v1/rota", tags=["rota"])

Weekday = Annotated[int, Field(ge=1, le=7)]
AtStaff = Literal[Channel.EMAIL, Channel.SMS, Channel.VOICE, Channel.PUSH, Channel.CHAT]
EXAMPLE = {
    "rung": "first",
    "person": "Rosa Example",
    "channel": "email",
    "address": "on.call@clinic.example",
    "weekdays": [1, 2, 3, 4, 5],
    "begins": "08:00",
    "ends": "18:00",
}


class ShiftIn(BaseModel):
    """One person's hours on one rung, in the clinic's zone."""

    model_config = strict(EXAMPLE)

    rung: Rung = Field(description="Told at once, after 10, 20 and, the clinic's line, 30 minutes.")
    person: Text = Field(description="As in the user list, where they have a key: a revoked one ends it.")
    channel: AtStaff
    address: Text
    weekdays: list[Weekday] = Field(list(EVERY_DAY), min_length=1, max_length=7, description="Monday is 1.")
    begins: At = Field("00:00", examples=["08:00"])
    ends: At = Field("00:00", examples=["18:00"], description="Not after `begins`: on the day after.")

    @model_validator(mode="after")
    def _can_be_an_address(self) -> Self:
        if self.channel is Channel.EMAIL:
            self.address = cells.email(self.address)
        elif self.channel in (Channel.SMS, Channel.VOICE):
            self.address = cells.phone(self.address, None)
        return self

    def typed(self) -> Duty:
        said = self.model_dump() | {"weekdays": tuple(self.weekdays), "channel": Channel(self.channel)}
        return Duty(**said | {name: time.fromisoformat(said[name]) for name in ("begins", "ends")})


class RotaIn(BaseModel):
    """The whole rota: what is not in it is no longer."""

    model_config = strict({"shifts": [EXAMPLE]})

    shifts: list[ShiftIn] = Field(max_length=500)


class ShiftOut(BaseModel):
    model_config = READ

    rung: Rung
    person: str
    channel: Channel
    address: str
    weekdays: list[int]
    begins: str = Field(examples=["08:00"])
    ends: str = Field(examples=["18:00"])
    reachable: bool = Field(description="The address is in use and takes messages; the key was not revoked.")

    @classmethod
    def of(cls, one: Standing) -> Self:
        said = {name: getattr(one.row, name) for name in ("rung", "person", "channel", "address")}
        at = {"begins": f"{one.row.begins:%H:%M}", "ends": f"{one.row.ends:%H:%M}"}
        return cls(**said, **at, weekdays=list(one.shift.weekdays), reachable=one.reachable)


class GapOut(BaseModel):
    """Nobody can be reached on this rung in [begins, ends)."""

    model_config = READ

    rung: Rung
    begins: AwareDatetime
    ends: AwareDatetime


class RotaOut(Versioned):
    """A clinic's rota, by the clinic's id. Version 0: none was set yet."""

    set_by: str | None = Field(examples=["Dana Reyes"])
    set_at: AwareDatetime | None
    shifts: list[ShiftOut]
    gaps: list[GapOut] = Field(description="In the next 7 days.")

    @classmethod
    def of(cls, found: Shown) -> Self:
        own = {name: getattr(found, name) for name in ("id", "version", "set_by", "set_at")}
        gaps = [GapOut.model_validate(gap) for gap in found.gaps]
        return cls(**own, shifts=[ShiftOut.of(one) for one in found.shifts], gaps=gaps)


@router.get("", operation_id="read_rota", response_model=RotaOut)
def read_rota(call: Looking) -> Response:
    """Who is on call, and the hours of the next 7 days at which a rung has nobody who can be reached."""
    return call.act(lambda session: RotaOut.of(rota.show(session, call.clinic_id, now=call.now)))


@router.put("", operation_id="set_rota", response_model=RotaOut, responses=documented(409))
def set_rota(call: Changing, body: RotaIn) -> Response:
    """Say who is on call from now on. The first one is set with `If-Match: "0"`."""
    duties = [shift.typed() for shift in body.shifts]

    def effect(session: Any) -> RotaOut:
        call.expect(rota.version(session, call.clinic_id))
        found = rota.put(session, call.clinic_id, duties, version=call.version, by=call.by, now=call.now)
        return RotaOut.of(found)

    return call.act(effect)
