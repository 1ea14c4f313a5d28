"""The work list on which a coordinator works: claim, put off, say what came of it. Forms alone, no script."""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

import sqlalchemy as sa
from fastapi import Path, Query
from sqlmodel import Session
from starlette.responses import HTMLResponse, RedirectResponse, Response

from db.batches import Key
from db.engine import reading, writing
from db.tables import HandOverState
from service import guard
from service.auth import Caller
from service.deps import Asks, House, InHouse, Now
from service.errors import Problem
from service.flows import backgrounds, hand_overs, work_items
from service.flows.hand_overs import Answer
from service.flows.work_items import Person
from service.flows.work_outcomes import ANSWERED, NEXT, Outcome
from service.ingest import cells
from service.pages import shown
from service.pages.patients import Form

MOST_WORK = 300
Clinic = Annotated[UUID | None, Query()]
Effect = Callable[[Session, Key, Person, datetime], sa.Row]

router = guard.router(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/work", operation_id="work_page")
def work_list(house: InHouse, now: Now, caller: Asks, clinic: Clinic = None) -> HTMLResponse:
    return _listed(house, now, caller, clinic)


@router.post("/work-items/{clinic_id}/{work_item_id}/{act}", operation_id="work_on_page")
def work_on(
    clinic_id: UUID,
    work_item_id: UUID,
    act: Annotated[str, Path(max_length=20)],
    house: InHouse,
    now: Now,
    caller: Asks,
    form: Form,
) -> Response:
    """The list again, or with why it was refused."""
    mine = caller.clinic(clinic_id)
    try:
        effect = ACTS[act](form)
        with writing(house.engine) as session:
            who = Person(caller.name, bool(caller.key), caller.clinic_id)
            effect(session, (clinic_id, work_item_id), who, now)
    except (Problem, KeyError, ValueError) as refused:
        return _listed(house, now, caller, mine, refused=_why(refused))
    return RedirectResponse("/work", 303)


def _why(refused: Exception) -> str:
    if not isinstance(refused, Problem):
        return "The form cannot be read: send it from the page."
    return " ".join(
        [refused.detail, *(f"{fault.loc.rpartition('.')[2]} {fault.msg}." for fault in refused.errors)]
    )


def _listed(
    house: House, now: datetime, caller: Caller, clinic: UUID | None, *, refused: str | None = None
) -> HTMLResponse:
    found = work_items.ranked(house.engine, caller.clinic(clinic), now=now)
    with reading(house.engine) as session:
        offers = hand_overs.waiting(session, {one.row.clinic_id for one in found if one.row.kind in ANSWERED})
    return shown(
        house,
        now,
        "work.html",
        caller,
        status=200 if refused is None else 409,
        found=backgrounds.told(house.engine, found[:MOST_WORK], now=now),
        count=len(found),
        refused=refused,
        offers=offers,
        outcomes=[(each.value, NEXT[each].asks if each in NEXT else "") for each in Outcome],
        red=work_items.RED,
    )


def _claim(form: Mapping[str, str]) -> Effect:
    def effect(session: Session, key: Key, who: Person, now: datetime) -> sa.Row:
        return work_items.claim(session, key, who, take_over="take_over" in form, now=now)

    return effect


def _snooze(form: Mapping[str, str]) -> Effect:
    until = date.fromisoformat(form["until"])

    def effect(session: Session, key: Key, who: Person, now: datetime) -> sa.Row:
        return work_items.snooze(session, key, who, until=until, now=now)

    return effect


def _outcome(form: Mapping[str, str]) -> Effect:
    text = form.get("text", "").strip()
    again = form.get("again_on", "").strip()
    said: dict[str, Any] = {
        "outcome": Outcome(form["outcome"]),
        "text": cells.note(text[: cells.LONGEST_NOTE]) if text else None,
        "again_on": date.fromisoformat(again) if again else None,
    }

    def effect(session: Session, key: Key, who: Person, now: datetime) -> sa.Row:
        return work_items.finish(session, key, who, **said, now=now)

    return effect


def _answer(form: Mapping[str, str]) -> Effect:
    by, on, words = (form.get(name, "").strip() or None for name in ("by", "on", "words"))
    said = Answer(
        state=YES_OR_NO[form["answer"]],
        by=by and cells.name(by[: cells.LONGEST]),
        on=on and date.fromisoformat(on),
        words=words and cells.note(words[: cells.LONGEST_NOTE]),
    )

    def effect(session: Session, key: Key, who: Person, now: datetime) -> sa.Row:
        id_ = hand_overs.asked_by(work_items.shown(session, key).key)
        hand_overs.answer(session, key[0], id_, said, who, now=now)
        return work_items.shown(session, key)

    return effect


YES_OR_NO = MappingProxyType({"accepted": HandOverState.ACCEPTED, "declined": HandOverState.DECLINED})
ACTS: Mapping[str, Callable[[Mapping[str, str]], Effect]] = MappingProxyType(
    {"claim": _claim, "snooze": _snooze, "outcome": _outcome, "answer": _answer}
)
