"""For coordinators: the monitoring of a course is offered to another clinic, and accepted there by name."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Self
from uuid import UUID

import sqlalchemy as sa
from fastapi import Path, Response
from pydantic import AwareDatetime, BaseModel, Field, model_validator

from db.tables import HandOverState
from service import guard
from service.api.calls import Call, Creating, Looking, Made
from service.api.courses import CourseId, Start
from service.api.differences import READ
from service.api.events import Confirmed, Note
from service.api.patients import Text, strict
from service.api.problems import documented
from service.errors import Problem
from service.flows import hand_overs
from service.flows.courses import NOTHING_HERE
from service.flows.hand_overs import Answer
from service.flows.work_items import Person
from service.ingest import cells

router = guard.router(prefix="/v1", tags=["hand-overs"])

HandOverId = Annotated[UUID, Path(examples=["01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d67"])]
OFFER = {
    "practice": "Mill Lane Surgery",
    "person": "Dr Grace Example",
    "address": "2 Mill Lane",
    "confirmed": True,
}


class Said(StrEnum):
    """What can be said of an offer."""

    ACCEPTED = "accepted"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    RETURNED = "returned"


class OfferIn(BaseModel):
    """To whom: a clinic of this house by its name, or a practice outside with a person and an address."""

    model_config = strict(OFFER)

    to_clinic: Text | None = Field(None, examples=["Oak Street"])
    practice: Text | None = None
    person: Text | None = Field(None, description="To whom there it is offered.")
    address: Note | None = None
    note: Note | None = None
    confirmed: Confirmed = False

    @model_validator(mode="after")
    def _one_receiver(self) -> Self:
        outside = (self.practice, self.person, self.address)
        if any(outside) if self.to_clinic else not all(outside):
            raise cells.Refused(
                "one receiver is needed", "give to_clinic, or practice with person and address"
            )
        return self


class AnswerIn(BaseModel):
    """The answer: of a clinic with its own key; of a practice as who offered it was told."""

    model_config = strict({"answer": "declined", "by": "Dr Grace Example", "words": "No room this month."})

    answer: Said
    by: Text | None = Field(None, description="Of a practice: who there said so.")
    on: Start | None = Field(None, description="Of a practice: the day on which it accepted.")
    words: Note | None = Field(None, description="Why not; of a practice's yes: how that is known.")

    def typed(self) -> Answer:
        return Answer(state=HandOverState(self.answer), by=self.by, on=self.on, words=self.words)


class HandOverOut(Made):
    """An offer. Until it is `accepted` the clinic that offers answers for everything."""

    model_config = READ

    state: HandOverState
    clinic: str = Field(examples=["Elm Street"], description="That offers it.")
    to_clinic: str | None
    practice: str | None
    person: str | None
    address: str | None
    note: str | None
    name: str = Field(examples=["Ada Invented"], description="The patient's.")
    birth_date: date
    mrn: str
    medicine: str = Field(examples=["azathioprine"])
    protocol_id: str = Field(examples=["azathioprine-us-label"])
    start: date
    due_on: date | None = Field(description="The next of the course that is offered.")
    course_id: UUID
    offered_by: str
    offered_at: AwareDatetime
    answered_by: str | None
    answered_at: AwareDatetime | None
    answered_on: date | None = Field(description="The day from which the receiver answers for it.")
    words: str | None
    made_course_id: UUID | None = Field(description="The course with which it went on.")


class HandOvers(BaseModel):
    count: int
    items: list[HandOverOut]


@router.post(
    "/courses/{course_id}/hand-overs",
    operation_id="offer_hand_over",
    status_code=201,
    response_model=HandOverOut,
    responses=documented(409),
)
def offer_hand_over(call: Creating, course_id: CourseId, body: OfferIn) -> Response:
    """Offer a course's monitoring; nothing changes for the patient before it is accepted."""
    key, said = (call.clinic_id, course_id), body.model_dump()
    confirmed = said.pop("confirmed")

    def effect(session: Any) -> HandOverOut:
        id_ = hand_overs.offer(session, key, said, confirmed=confirmed, by=call.by, now=call.now)
        return _one(session, call, id_)

    return call.once(body, effect, at="/v1/hand-overs")


@router.get("/hand-overs", operation_id="list_hand_overs")
def list_hand_overs(call: Looking) -> HandOvers:
    """What this clinic offered and what it was offered, those that wait first."""
    rows = call.look(lambda session: hand_overs.listed(session, call.clinic_id))
    return HandOvers(count=len(rows), items=[_out(row) for row in rows])


@router.post(
    "/hand-overs/{hand_over_id}/answer",
    operation_id="answer_hand_over",
    response_model=HandOverOut,
    responses=documented(404, 409),
)
def answer_hand_over(call: Looking, hand_over_id: HandOverId, body: AnswerIn) -> Response:
    """Accept or decline what was offered, or withdraw it; `returned` is of a practice that had it.

    With `accepted` the course ends here and goes on there, in one step, with the same dates.
    """
    who = Person(call.by, bool(call.caller.key), call.caller.clinic_id)

    def effect(session: Any) -> HandOverOut:
        hand_overs.answer(session, call.clinic_id, hand_over_id, body.typed(), who, now=call.now)
        return _one(session, call, hand_over_id)

    return call.act(effect)


def _one(session: Any, call: Call, id_: UUID) -> HandOverOut:
    rows = hand_overs.listed(session, call.clinic_id, id_)
    if not rows:
        raise Problem(404, NOTHING_HERE)
    return _out(rows[0])


def _out(row: sa.Row) -> HandOverOut:
    return HandOverOut.model_validate(row)
