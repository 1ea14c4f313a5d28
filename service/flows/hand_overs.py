"""Shared care: a clinic offers the monitoring of a course, and answers for it until a named person accepts.

Acceptance is one transaction: the receiver's course begins as the old one ends. Given back, it is offered
the other way round; a practice outside the house gives back to the clinic that it had it from.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import audit, batches, clinics, courses, hand_overs, patients, work_items
from db.batches import Key
from db.engine import reading, writing
from db.tables import CourseEvent, HandOverState
from schedules import ladder, library
from schedules.facts import EventType
from schedules.fields import Level
from schedules.plan import FAREWELLS
from service.errors import Fault, Problem
from service.flows import carrying, obligations
from service.flows.courses import NOTHING_HERE, Standing, patient, replan, standing
from service.flows.work_items import Person

WAITS = timedelta(days=14)  # for an answer, before the clinic is told: a product choice
ENDED = "the course has ended"


def offer(
    session: Session, key: Key, said: dict[str, Any], *, confirmed: bool, by: str, now: datetime
) -> UUID:
    """Offer the monitoring of a course. Problem when nothing is left of it to hand over."""
    found = standing(session, key, now=now)
    whose = key[0], found.facts.patient_id
    patients.lock(session, whose)
    _can_go(session, found)
    to = said.pop("to_clinic")
    to_clinic_id = None if to is None else _clinic(session, to, key[0])
    if not confirmed:
        obligations.confirm(session, [whose], now=now)
    row = {"clinic_id": key[0], "patient_id": whose[1], "course_id": key[1], "to_clinic_id": to_clinic_id}
    id_ = hand_overs.add(session, row | said | {"offered_by": by, "offered_at": now})
    work_items.raise_(session, [_asked(session, found, id_, to_clinic_id, now)], now=now)
    _record(session, whose, by, "offer hand-over", now, id_)
    return id_


def listed(session: Session, clinic_id: UUID, id_: UUID | None = None) -> Sequence[sa.Row]:
    return hand_overs.listed(session, clinic_id, id_)


def waiting(session: Session, clinic_ids: Iterable[UUID]) -> dict[str, sa.Row]:
    """What waits for an answer of these clinics, by the key of the work that asks for it."""
    rows = [row for clinic_id in sorted(clinic_ids) for row in hand_overs.listed(session, clinic_id)]
    return {_key(row.id): row for row in rows if row.state is HandOverState.OFFERED}


def _can_go(session: Session, found: Standing) -> None:
    if found.plan.end is not None:
        raise Problem(409, "The course has ended: there is nothing to hand over.")
    if found.facts.course.protocol.id == library.check_ins().id:
        raise Problem(409, "Check-ins go with the clinic: hand over the medicine.")
    if courses.unreleased(session, [found.facts.key]):
        raise Problem(409, "The import of the course was not released yet: do that first.")
    if any(row.course_id == found.facts.id for row in _waiting(session, found.facts.clinic_id)):
        raise Problem(409, "The course is offered already: withdraw that first.")


def _waiting(session: Session, clinic_id: UUID) -> list[sa.Row]:
    rows = hand_overs.listed(session, clinic_id)
    return [row for row in rows if row.clinic_id == clinic_id and row.state is HandOverState.OFFERED]


def _clinic(session: Session, name: str, own: UUID) -> UUID:
    found = clinics.by_name(session, name)
    if found is None or found.id == own:
        fault = Fault("body.to_clinic", "is no other clinic here: give practice, person and address")
        raise Problem(422, "The request is not valid.", errors=[fault])
    return found.id


def _asked(session: Session, found: Standing, id_: UUID, to: UUID | None, now: datetime) -> dict[str, Any]:
    """On the list of who has to answer; what waits for a practice is on our own."""
    own = clinics.get(session, found.facts.clinic_id)
    assert own is not None
    due = min((row.item.due_on for row in found.items if row.item.class_ is None), default=None)
    medicine, by = found.facts.medicine, f"the next is due on {due}" if due else "nothing is due"
    offered = {"clinic_id": to, "about": f"{own.name} offers the monitoring of {medicine}; {by}."}
    outside = {
        "clinic_id": own.id, "patient_id": found.facts.patient_id, "course_id": found.facts.id,
        "about": f"The monitoring of {medicine} is offered to a practice: enter its answer; {by}.",
    }  # fmt: skip
    return _work("hand-over-offered", _key(id_), "routine", now) | (outside if to is None else offered)


def _work(kind: str, key: str, level: Level, now: datetime) -> dict[str, Any]:
    due_by = now + ladder.DUE_BY[level]
    return {"kind": kind, "key": key, "level": level, "role": "coordinator", "due_by": due_by}


def _key(id_: UUID, what: str = "offered") -> str:
    return f"hand-over/{id_}/{what}"


def asked_by(work_key: str) -> UUID:
    """The offer that a work item on the list asks to answer. ValueError: it asks for something else."""
    what, _, rest = work_key.partition("/")
    if what != "hand-over":
        raise ValueError("the work is no offer")
    return UUID(rest.partition("/")[0])


# ---- answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`by`, `on` and `words` are of a practice, which has no key here; `words` also of a no."""

    state: HandOverState
    by: str | None = None
    on: date | None = None
    words: str | None = None


def answer(session: Session, clinic_id: UUID, id_: UUID, said: Answer, who: Person, *, now: datetime) -> None:
    """Problem when it is not theirs to say, or was said already."""
    row = _locked(session, clinic_id, id_)
    is_offers = row.clinic_id == clinic_id
    _may_say(row, said, who, is_offers)
    effects = {HandOverState.ACCEPTED: _accept, HandOverState.RETURNED: _take_back}
    changes = effects.get(said.state, _refuse)(session, row, said, who, now)
    common = {"answered_by": said.by or who.name, "answered_at": now, "words": said.words}
    kept = {} if said.state is HandOverState.RETURNED else common
    hand_overs.change(
        session, (row.clinic_id, row.id), was=row.state, **kept | changes | {"state": said.state}
    )
    _over(session, row, said.state.value, now)
    for key in {row.clinic_id, clinic_id}:
        _record(session, (key, row.patient_id), who.name, f"hand-over {said.state.value}", now, id_)


def _locked(session: Session, clinic_id: UUID, id_: UUID) -> sa.Row:
    """The patient before the offer, as everywhere."""
    row = hand_overs.one(session, clinic_id, id_)
    if row is not None:
        patients.lock(session, (row.clinic_id, row.patient_id))
        row = hand_overs.one(session, clinic_id, id_, lock=True)
    if row is None:
        raise Problem(404, NOTHING_HERE)
    return row


def _may_say(row: sa.Row, said: Answer, who: Person, is_offers: bool) -> None:
    returned, outside = said.state is HandOverState.RETURNED, row.to_clinic_id is None
    if row.state is not (HandOverState.ACCEPTED if returned else HandOverState.OFFERED):
        raise Problem(409, f"It is {row.state.value}: that cannot be said of it now.")
    if returned and not outside:
        raise Problem(409, "The clinic that has it offers it back, and goes on until that is accepted.")
    if (said.state is HandOverState.WITHDRAWN or outside) != is_offers:
        raise Problem(409, "That is the other side's to say.")
    if (
        said.state is HandOverState.ACCEPTED
        and not outside
        and (who.clinic_id != row.to_clinic_id or not who.is_named)
    ):
        raise Problem(409, "A named person of the clinic accepts: use a key of that clinic.")
    needs = {
        "by": outside and said.state in (HandOverState.ACCEPTED, HandOverState.DECLINED),
        "on": outside and said.state is HandOverState.ACCEPTED,
        "words": said.state is HandOverState.DECLINED or (outside and said.state is HandOverState.ACCEPTED),
    }
    missing = [name for name, needed in needs.items() if needed and getattr(said, name) is None]
    if missing:
        faults = [Fault(f"body.{name}", "is missing: say it as you were told") for name in missing]
        raise Problem(422, "The request is not valid.", errors=faults)


def _accept(session: Session, row: sa.Row, said: Answer, who: Person, now: datetime) -> dict[str, Any]:
    """Nobody is without an owner for a moment: what begins and what ends is one transaction."""
    found = _ready(session, row, now)
    if said.on is not None and said.on > found.today:
        raise Problem(409, "The day of the acceptance is still to come: enter it on its day.")
    changes: dict[str, Any] = {"answered_on": found.today}
    where = row.practice
    if row.to_clinic_id is not None:
        person = patient(session, (row.clinic_id, row.patient_id))
        to = carrying.receive(session, person, row.to_clinic_id, now=now)
        changes["made_course_id"] = carrying.begin(session, found.facts, to, on=found.today, now=now)
        where = _name(session, row.to_clinic_id)
    reason = f"handed over to {where}" if row.to_clinic_id else f"monitored elsewhere: {where}"
    event = {"on": found.today, "type": EventType.LEFT, "reason": reason, "recorded_at": now}
    event |= {"clinic_id": row.clinic_id, "course_id": row.course_id, "decided_by": said.by or who.name}
    batches.insert(session, CourseEvent, [event])
    replan(session, [(row.clinic_id, row.course_id)], now=now)
    return changes


def _ready(session: Session, row: sa.Row, now: datetime) -> Standing:
    """What is red about the patient is seen to first, by who knows of it."""
    key = row.clinic_id, row.course_id
    found = standing(session, key, now=now)
    if found.plan.end is not None:
        raise Problem(409, "The course has ended: there is nothing to hand over.")
    if found.today < found.facts.course.start:
        raise Problem(409, "The medicine has not begun: it can be handed over from its first day on.")
    if any(e.voided_at is None and e.on >= found.today and e.type not in FAREWELLS for e in found.events):
        raise Problem(409, "Something was entered for today: it can be handed over from tomorrow on.")
    red = [one for one in work_items.unfinished(session, row.clinic_id) if one.level in work_items.RED]
    if any(one.patient_id == row.patient_id and one.key != _key(row.id, "unanswered") for one in red):
        raise Problem(409, "An alert about the patient is open where it is offered: it is ended there first.")
    return found


def _name(session: Session, clinic_id: UUID) -> str:
    found = clinics.get(session, clinic_id)
    assert found is not None
    return found.name


def _take_back(session: Session, row: sa.Row, said: Answer, who: Person, now: datetime) -> dict[str, Any]:
    """From the practice: the course goes on here, with what is known of it."""
    found = standing(session, (row.clinic_id, row.course_id), now=now)
    to = row.clinic_id, row.patient_id
    return {"made_course_id": carrying.begin(session, found.facts, to, on=found.today, now=now)}


def _refuse(session: Session, row: sa.Row, said: Answer, who: Person, now: datetime) -> dict[str, Any]:
    """A no is work for who offered: nothing has changed, and the patient is still theirs."""
    if said.state is HandOverState.DECLINED:
        work = _work("hand-over-declined", _key(row.id, "declined"), "24h", now)
        work |= {"clinic_id": row.clinic_id, "patient_id": row.patient_id, "course_id": row.course_id}
        about = f"{said.by or who.name} declined the hand-over: {said.words}"
        work_items.raise_(session, [work | {"about": about}], now=now)
    return {}


def _over(session: Session, row: sa.Row, outcome: str, now: datetime) -> None:
    """Nobody is asked any more; the alarm of an offer without an answer is a person's, and says so."""
    asked = row.to_clinic_id or row.clinic_id
    keys = [(asked, _key(row.id)), (row.clinic_id, _key(row.id, "unanswered"))]
    work_items.finish(session, keys, outcome=f"hand-over {outcome}", now=now)


# ---- what days change


def tick(engine: Engine, *, now: datetime) -> int:
    """Close offers that have no point any more; tell who offered that nobody answers, once."""
    with reading(engine) as session:
        over = hand_overs.pointless(session)
        silent = hand_overs.unanswered(session, since=now - WAITS)
    if over or silent:
        with writing(engine) as session:
            _withdraw(session, over, now)
            _tell(session, [row for row in silent if row.id not in {one.id for one in over}], now)
    return len(over) + len(silent)


def _withdraw(session: Session, rows: Sequence[sa.Row], now: datetime) -> None:
    for row in rows:
        ended = {"state": HandOverState.WITHDRAWN, "answered_at": now, "words": ENDED}
        if hand_overs.change(session, (row.clinic_id, row.id), was=HandOverState.OFFERED, **ended):
            _over(session, row, HandOverState.WITHDRAWN.value, now)


def _tell(session: Session, rows: Sequence[sa.Row], now: datetime) -> None:
    about = f"Nobody has answered an offered hand-over for {WAITS.days} days: the patient is still yours."
    for row in rows:
        if hand_overs.change(session, (row.clinic_id, row.id), was=HandOverState.OFFERED, told_at=now):
            work = _work("hand-over-unanswered", _key(row.id, "unanswered"), "same-day", now)
            work |= {"clinic_id": row.clinic_id, "patient_id": row.patient_id, "course_id": row.course_id}
            work_items.raise_(session, [work | {"about": about}], now=now)


def keep(session: Session, key: Key) -> None:
    """Problem when a course was handed over: to take its entry back would leave it two owners, or none."""
    if hand_overs.of_course(session, key):
        raise Problem(409, "It was handed over: let it be offered back, or returned, instead.")


def _record(session: Session, key: Key, by: str, action: str, now: datetime, id_: UUID) -> None:
    detail = {"hand_over": str(id_)}
    audit.record(session, key[0], by, action, subject=("patient", str(key[1])), now=now, detail=detail)
