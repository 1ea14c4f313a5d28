"""The door that each call goes through: is the lane open still, and what does the answer mean for it?

No transaction is open during the call.
"""

from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlmodel import Session

from db import clinics, contacts, lanes, work_items
from db.engine import reading, writing
from db.tables import Lane
from schedules import ladder
from service.channels import Accepted, Answer, Rejected, Unknown
from service.clock import Clock
from service.flows import lanes as rules
from service.flows.doubts import HANDED_BACK, NOT_TRIED, SHUT, Turn
from service.flows.outcomes import Call

BACK = "the provider takes messages again"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Gate:
    """Every call of every worker passes here: no request goes to a provider that takes nothing now.

    Nor to who has said STOP since the claim: it is handed back, and the next claim decides.
    """

    engine: Engine
    clock: Clock

    def call(self, dispatch: Call, ask: Callable[[], Answer]) -> Answer:
        if not rules.has_one(dispatch.can):
            return ask()
        not_now, refused = self._look(dispatch)
        if not_now is not None:
            return not_now if dispatch.turn is Turn.SEND else Unknown(not_now.code)
        answer = ask()
        if not isinstance(answer, Accepted) and answer.code in NOT_TRIED:
            return answer
        if refused or _matters(answer):
            self._tell(dispatch, answer)
        return answer

    def _look(self, dispatch: Call) -> tuple[Rejected | None, bool]:
        """Why no call may begin, learned perhaps since the claim; and whether the provider refused lately."""
        now = self.clock()
        try:
            with reading(self.engine) as session:
                lane = lanes.get(session, dispatch.claimed.channel)
                stopped = dispatch.contact is not None and not contacts.may_use(session, dispatch.contact)
        except SQLAlchemyError:
            return Rejected(SHUT, permanent=False), False
        if stopped:
            return Rejected(HANDED_BACK, permanent=False), False
        until = None if lane is None else rules.shut_until(lane, dispatch.can, now)
        wait = None if until is None else Rejected(SHUT, permanent=False, retry_after=until - now)
        return wait, lane is not None and lane.refused > 0

    def _tell(self, dispatch: Call, answer: Answer) -> None:
        """Before the outcome is written: the others go by it at once. Without it the answer counts too."""
        try:
            with writing(self.engine) as session:
                self._hear(session, dispatch, answer)
        except SQLAlchemyError as error:
            log.error("lane not written", error=type(error).__name__)

    def _hear(self, session: Session, dispatch: Call, answer: Answer) -> None:
        now, name = self.clock(), dispatch.claimed.channel
        lane = lanes.lock(session, {name})[name]
        closed = rules.hear(lane, answer, now)
        keys = [(clinic.id, _key(lane)) for clinic in clinics.every(session)]
        if closed:
            rows = [_work_item(key) | {"due_by": now + ladder.DUE_BY["same-day"]} for key in keys]
            work_items.raise_(session, rows, now=now)
        elif not lane.refused:
            work_items.finish(session, keys, outcome=BACK, now=now)


def _matters(answer: Answer) -> bool:
    waits = isinstance(answer, Rejected) and answer.retry_after is not None
    return waits or (isinstance(answer, Rejected | Unknown) and answer.down)


def _key(lane: Lane) -> str:
    return f"transport/{lane.channel.value}"


def _work_item(key: tuple[object, str]) -> dict[str, object]:
    clinic_id, name = key
    kind = {"kind": "transport-refuses", "level": "same-day", "role": "admin"}
    return kind | {"clinic_id": clinic_id, "key": name}
