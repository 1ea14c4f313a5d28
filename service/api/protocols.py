"""For coordinators and clinicians: by which rules a medicine is watched, and a clinic's own rules."""

import json
from datetime import date
from typing import Annotated, Any, Self

from fastapi import Path, Query, Response
from pydantic import AwareDatetime, BaseModel, Field

from db import clinics
from schedules import days
from schedules import protocol as schema
from service import guard
from service.api.calls import Call, Creating, Looking
from service.api.clinics import ANSWER
from service.api.courses import Start
from service.api.differences import DryRun
from service.api.patients import strict
from service.api.problems import documented
from service.errors import Problem
from service.flows import preview, proposals
from service.flows import protocols as known
from service.flows.courses import NOTHING_HERE
from service.flows.protocols import Standing, Version
from service.flows.work_items import Person

router = guard.router(prefix="/v1/protocols", tags=["protocols"])

ProtocolId = Annotated[str, Path(max_length=64, examples=["azathioprine-us-label"])]
Number = Annotated[int, Field(ge=1, le=1_000_000, examples=[1])]
Which = Annotated[
    int | None, Query(alias="version", ge=1, le=1_000_000, description="Null: the one in force.")
]
OWN = {
    "id": "azathioprine-elm-street", "version": 1, "title": "Azathioprine at Elm Street",
    "medicine": {"name": "azathioprine", "rxnorm": "1256"},
    "source": {"title": "Elm Street's own guideline", "evidence": "product-choice"},
    "clocks": [{
        "id": "blood-count", "kind": "test", "panel": ["cbc"],
        "phases": [{"every": "P1W", "until": "P4W"}, {"every": "P4W"}],
    }],
    "limits": [{"analyte": "wbc", "below": 3.5, "unit": "10*9/L", "level": "same-day"}],
}  # fmt: skip


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
    own: bool = Field(description="The clinic's own; else it is packaged.")
    state: Standing
    proposed_by: str | None
    proposed_at: AwareDatetime | None
    approved_by: str | None
    approved_at: AwareDatetime | None

    @classmethod
    def of(cls, found: Version, **more: Any) -> Self:
        protocol = found.protocol
        of_file = ("id", "version", "title", "adults_only", "superseded_by", "review_on", "hash")
        of_version = ("own", "state", "proposed_by", "proposed_at", "approved_by", "approved_at")
        said = {name: getattr(protocol, name) for name in of_file}
        said |= {name: getattr(found, name) for name in of_version}
        said |= {"medicine": protocol.medicine.name, "indications": list(protocol.indications)}
        return cls(**said, **more)


class ProtocolList(BaseModel):
    items: list[ProtocolOut]


class ProtocolDocument(ProtocolOut):
    document: dict[str, Any] = Field(description="Every rule of it, with the keys of a protocol's file.")

    @classmethod
    def whole(cls, found: Version) -> Self:
        return cls.of(found, document=schema.as_json(found.protocol))


class ProposalIn(BaseModel):
    """A clinic's own protocol, or the next version of one."""

    model_config = strict({"document": OWN})

    document: dict[str, Any] = Field(description="The keys of a protocol's file, as JSON; at most 256 KiB.")


class ApprovalIn(BaseModel):
    """Which text is approved: the hash is of exactly what was read."""

    model_config = strict({"version": 1, "hash": "0" * 64})

    version: Number
    hash: str = Field(pattern=r"^[0-9a-f]{64}$")


@router.get("", operation_id="list_protocols")
def list_protocols(
    call: Looking,
    every: Annotated[bool, Query(description="Also what is only proposed, or was replaced.")] = False,
) -> ProtocolList:
    """The protocols on which the clinic can enrol: packaged, and its own."""
    found = call.look(lambda session: known.versions(session, call.clinic_id))
    shown = [one for one in found if every or one.state is Standing.IN_FORCE]
    return ProtocolList(items=[ProtocolOut.of(one) for one in shown])


@router.get("/{protocol_id}", operation_id="show_protocol", responses=documented(404))
def show_protocol(call: Looking, protocol_id: ProtocolId, number: Which = None) -> ProtocolDocument:
    """One version whole: clocks, phases, limits, notes and sources, and who stands for it."""
    return ProtocolDocument.whole(_chosen(call, protocol_id, number))


def _chosen(call: Call, protocol_id: str, number: int | None) -> Version:
    found = call.look(lambda session: known.chosen(session, call.clinic_id, protocol_id, number))
    if found is None:
        raise Problem(404, NOTHING_HERE)
    return found


@router.get(
    "/{protocol_id}/preview",
    operation_id="preview_protocol",
    response_class=Response,
    responses={
        200: {"description": "What would happen.", "content": {"application/json": {"schema": ANSWER}}},
        **documented(404, 503),
    },
)
def preview_protocol(
    call: Looking,
    protocol_id: ProtocolId,
    number: Which = None,
    start: Annotated[Start | None, Query(description="Of the course; null: today.")] = None,
    months: Annotated[int, Query(ge=1, le=36, description="How many are looked at.")] = 12,
) -> Response:
    """An example of a course that begins on a day, every test on its due day: dates, reminders, work."""
    document = schema.as_json(_chosen(call, protocol_id, number).protocol)
    zone = call.look(lambda session: clinics.zones(session)[call.clinic_id])
    first = start or days.local_day(call.now, days.zone(zone))
    asked = {
        "until": days.add(first, days.Duration.parse(f"P{months}M")).isoformat(),
        "patient": {"time_zone": zone},
        "courses": [{"protocol": document, "start": first.isoformat()}],
        "tests": "on-due",
    }
    return Response(preview.run(json.dumps(asked).encode()), media_type="application/json")


@router.post(
    "",
    operation_id="propose_protocol",
    status_code=201,
    response_model=ProtocolDocument,
    responses={200: {"model": ProtocolDocument, "description": "With dry_run: checked, and not kept."}},
)
def propose_protocol(call: Creating, body: ProposalIn, dry_run: DryRun = False) -> Response:
    """A clinic's own protocol, checked and kept; in force once a second person approves it."""
    protocol = proposals.checked(body.document)

    def effect(session: Any) -> ProtocolDocument:
        found = proposals.propose(session, call.clinic_id, protocol, by=call.by, now=call.now)
        return ProtocolDocument.whole(found)

    return call.rehearse(effect) if dry_run else call.once(body, effect)


@router.post(
    "/{protocol_id}/approval",
    operation_id="approve_protocol",
    response_model=ProtocolDocument,
    responses=documented(404, 409),
)
def approve_protocol(call: Looking, protocol_id: ProtocolId, body: ApprovalIn) -> Response:
    """Put a proposed version in force for new courses; those that run keep theirs until they are moved."""
    person = Person(call.by, bool(call.caller.key))

    def effect(session: Any) -> ProtocolDocument:
        found = proposals.approve(
            session, call.clinic_id, protocol_id, body.version, hash_=body.hash, by=person, now=call.now
        )
        return ProtocolDocument.whole(found)

    return call.act(effect)
