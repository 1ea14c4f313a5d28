"""One act on many work items, after a look at what it would do; what is red is looked at one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, users, work_items
from db.batches import Key
from db.tables import UserRole, WorkState
from service.errors import Fault, Problem
from service.flows import work_items as work
from service.flows.work_items import Person
from service.flows.work_outcomes import Outcome


class Act(StrEnum):
    CLAIM = "claim"
    ASSIGN = "assign"
    SNOOZE = "snooze"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is to be done, the same to each."""

    act: Act
    to: str | None = None
    until: date | None = None
    outcome: Outcome | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acted:
    """One of them: as it is now, or why it is as it was."""

    id: UUID
    row: sa.Row | None
    why: str | None


def act(
    session: Session, clinic_id: UUID, ids: Sequence[UUID], wish: Wish, who: Person, *, now: datetime
) -> list[Acted]:
    """Do it to each by itself: one that is refused stays as it was and stops no other."""
    effect = _effect(session, clinic_id, wish, who, now)
    return [_one(session, (clinic_id, id_), effect) for id_ in dict.fromkeys(ids)]


def _one(session: Session, key: Key, effect: Callable[[Key], sa.Row]) -> Acted:
    row = work_items.one(session, key, lock=False)
    if row is not None and row.level in work.RED:
        why = "What is for today or an emergency is looked at one by one."
        return Acted(id=key[1], row=None, why=why)
    try:
        with session.begin_nested():
            return Acted(id=key[1], row=effect(key), why=None)
    except Problem as refused:
        return Acted(id=key[1], row=None, why=" ".join([refused.detail, *(f.msg for f in refused.errors)]))


def _effect(
    session: Session, clinic_id: UUID, wish: Wish, who: Person, now: datetime
) -> Callable[[Key], sa.Row]:
    match wish:
        case Wish(act=Act.CLAIM):
            return lambda key: work.claim(session, key, who, take_over=False, now=now)
        case Wish(act=Act.ASSIGN, to=str(to)):
            _may_have_work(session, clinic_id, to)
            return lambda key: assign(session, key, who, to=to, now=now)
        case Wish(act=Act.SNOOZE, until=date() as until):
            return lambda key: work.snooze(session, key, who, until=until, now=now)
        case Wish(act=Act.OUTCOME, outcome=Outcome() as outcome):
            return lambda key: work.finish(session, key, who, outcome=outcome, text=wish.text, now=now)
    needs = {Act.ASSIGN: "to", Act.SNOOZE: "until", Act.OUTCOME: "outcome"}[wish.act]
    raise Problem(422, "The request is not valid.", errors=[Fault(f"body.{needs}", "is missing")])


def assign(session: Session, key: Key, who: Person, *, to: str, now: datetime) -> sa.Row:
    """From now on it is theirs."""
    row = work.unfinished(session, key)
    given = {"state": WorkState.CLAIMED, "owner": to, "claimed_at": now, "snoozed_until": None}
    work_items.change(session, key, **given)
    detail = {"from": row.owner, "to": to}
    audit.record(session, key[0], who.name, "assign work", subject=("work_item", str(key[1])), now=now,
                 detail=detail)  # fmt: skip
    return work.shown(session, key)


def _may_have_work(session: Session, clinic_id: UUID, to: str) -> None:
    """Who cannot sign in would never see it."""
    for row in users.every(session):
        here = row.clinic_id in (None, clinic_id) and row.revoked_at is None
        if here and row.name == to and row.role is not UserRole.REPORTER:
            return
    fault = Fault("body.to", "is nobody with a key for this")
    raise Problem(422, "The request is not valid.", errors=[fault])
