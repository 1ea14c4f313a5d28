"""For coordinators and clinicians: by which rules a medicine is watched, as the rules are written."""

from datetime import date
from typing import Annotated, Any, Self

from fastapi import Path
from pydantic import BaseModel, Field

from schedules import protocol as protocols
from schedules.protocol import Protocol
from service import guard
from service.api.calls import Looking
from service.api.problems import documented
from service.errors import Problem
from service.flows import protocols as known
from service.flows.courses import NOTHING_HERE

router = guard.router(prefix="/v1/protocols", tags=["protocols"])

ProtocolId = Annotated[str, Path(max_length=64, examples=["azathioprine-us-label"])]


class ProtocolOut(BaseModel):
    """One version of a protocol; its hash is its identity."""

    id: str = Field(examples=["azathioprine-us-label"])
    version: int
    title: str
    medicine: str = Field(examples=["azathioprine"])
    indications: list[str] = Field(description="Empty: any.")
    adults_only: bool
    superseded_by: str | None
    review_on: date | None
    hash: str

    @classmethod
    def of(cls, protocol: Protocol) -> Self:
        names = cls.model_fields.keys() - {"medicine", "indications"}
        said = {name: getattr(protocol, name) for name in names}
        said |= {"medicine": protocol.medicine.name, "indications": list(protocol.indications)}
        return cls(**said)


class ProtocolList(BaseModel):
    items: list[ProtocolOut]


class ProtocolDocument(ProtocolOut):
    document: dict[str, Any] = Field(description="Every rule of it, with the keys of a protocol's file.")


@router.get("", operation_id="list_protocols")
def list_protocols(call: Looking) -> ProtocolList:
    """The protocols on which the clinic can enrol: packaged, and of its own those that courses pin."""
    found = call.look(lambda session: known.known(session, call.clinic_id))
    return ProtocolList(items=[ProtocolOut.of(found[name]) for name in sorted(found)])


@router.get("/{protocol_id}", operation_id="show_protocol", responses=documented(404))
def show_protocol(call: Looking, protocol_id: ProtocolId) -> ProtocolDocument:
    """One protocol whole: clocks, phases, limits, notes and sources."""
    found = call.look(lambda session: known.known(session, call.clinic_id)).get(protocol_id)
    if found is None:
        raise Problem(404, NOTHING_HERE)
    return ProtocolDocument(**ProtocolOut.of(found).model_dump(), document=protocols.as_json(found))
