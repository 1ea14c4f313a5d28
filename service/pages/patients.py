"""The page that a message leads to: no password, a birth date before anything clinical. GET changes nothing.

The address is the key, so it stands in no log: requests are logged by their route's template.
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import parse_qsl
from uuid import UUID

from fastapi import Depends, Request
from sqlmodel import Session
from starlette.responses import HTMLResponse, Response

from db.engine import reading, writing
from service import guard
from service import links as addresses
from service.deps import House, InHouse, Now
from service.errors import Problem
from service.flows import calendars, replies, telling, visitors
from service.flows.visitors import Visitor
from service.pages import visiting
from service.pages.templating import render
from service.pages.visiting import NOTHING_TOLD, Told

LARGEST_FORM = 32768  # a check-in's words, where every sign takes twelve
MOST_FIELDS = 64
TOLD = {"check-in": visiting.take, "report": visiting.tell}
ACTS = ("done", "visit", "answer", *TOLD)
CALENDAR = "text/calendar; charset=utf-8"

router = guard.router(include_in_schema=False, default_response_class=HTMLResponse)


async def _form(request: Request) -> Mapping[str, str]:
    """The fields of a form, the last of each name; as much of a body is read as a page can send."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_FORM:
            raise Problem(413, f"The form is larger than {LARGEST_FORM // 1024} KiB.")
    try:
        return dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        raise Problem(422, "The form cannot be read: send it from the page.") from None


Form = Annotated[Mapping[str, str], Depends(_form)]


@router.get("/p/{token}", operation_id="patient_page")
def closed(token: str, house: InHouse, now: Now) -> HTMLResponse:
    """The clinic, and the question for the birth date."""
    with reading(house.engine) as session:
        visitor = _visitor(session, house, token, now)
        if visitor is None:
            return _nothing()
        locked = visitors.is_locked(session, visitor, now=now)
    return _closed(visitor, token, notice="locked" if locked else None)


@router.post("/p/{token}", operation_id="patient_opens")
def opened(token: str, house: InHouse, now: Now, form: Form) -> HTMLResponse:
    """The birth date is right, or it is one try fewer."""
    with writing(house.engine) as session:
        visitor = _visitor(session, house, token, now)
        if visitor is None:
            return _nothing()
        if not visitor.may_open or visitors.is_locked(session, visitor, now=now):
            return _closed(visitor, token, notice="locked" if visitor.may_open else None)
        if not visitor.born(_day(form.get("year"), form.get("month"), form.get("day"))):
            replies.guessed(session, visitor, now=now)
            return _closed(visitor, token, notice="wrong", status=422)
        visitors.read(session, visitor, now=now)
        return _open(session, house, visitor, token, now)


@router.post("/p/{token}/stop", operation_id="patient_stops")
def stop(token: str, house: InHouse, now: Now) -> HTMLResponse:
    """No more messages. It shows nothing, so it asks nothing: a mail program may post it by itself."""
    return _without_birth_date(token, house, now, replies.stop)


@router.post("/p/{token}/start", operation_id="patient_starts")
def start(token: str, house: InHouse, now: Now) -> HTMLResponse:
    """Messages again, where this page ended them."""
    return _without_birth_date(token, house, now, telling.start)


@router.post("/p/{token}/wrong-number", operation_id="patient_is_another")
def wrong_number(token: str, house: InHouse, now: Now) -> HTMLResponse:
    """Whoever reads this is not the patient. A birth date they cannot know."""
    return _without_birth_date(token, house, now, telling.disown)


def _without_birth_date(token: str, house: House, now: datetime, effect: Callable[..., str]) -> HTMLResponse:
    with writing(house.engine) as session:
        visitor = _visitor(session, house, token, now)
        if visitor is None:
            return _nothing()
        said = effect(session, visitor, now=now)
    return _closed(visitor, token, notice=said)


@router.post("/p/{token}/{act}", operation_id="patient_tells")
def tell(token: str, act: str, house: InHouse, now: Now, form: Form) -> HTMLResponse:
    """What the patient tells on the page that the birth date opened."""
    with writing(house.engine) as session:
        visitor = _visitor(session, house, token, now)
        if visitor is None or act not in ACTS:
            return _nothing()
        if not _is_open(house, visitor, form, now):
            return _closed(visitor, token, notice="too_long")
        if act in TOLD:
            told = TOLD[act](session, visitor, form, now=now)
            return _open(session, house, visitor, token, now, told=told)
        said = _tell(session, visitor, act, form, now)
        return _open(session, house, visitor, token, now, notice=said)


@router.get("/c/{token}.ics", operation_id="patient_calendar")
def calendar(token: str, house: InHouse, now: Now) -> Response:
    """A patient's dates for a calendar program, in neutral words."""
    patient_id = _read(house, addresses.CALENDAR, token)
    if patient_id is None:
        return _nothing()
    with reading(house.engine) as session:
        feed = calendars.feed(session, patient_id, now=now)
    return _nothing() if feed is None else Response(feed, media_type=CALENDAR)


def _read(house: House, purpose: str, token: str) -> UUID | None:
    return None if house.links is None else house.links.read(purpose, token)


def _visitor(session: Session, house: House, token: str, now: datetime) -> Visitor | None:
    message_id = _read(house, addresses.PAGE, token)
    return None if message_id is None else visitors.find(session, message_id, now=now)


def _is_open(house: House, visitor: Visitor, form: Mapping[str, str], now: datetime) -> bool:
    assert house.links is not None
    return visitor.may_open and house.links.is_open(form.get("opened", ""), visitor.message_id, now=now)


def _tell(session: Session, visitor: Visitor, act: str, form: Mapping[str, str], now: datetime) -> str:
    item = form.get("item", "")
    match act:
        case "done":
            on, place = _iso(form.get("on", "")), form.get("place", "")
            return replies.done(session, visitor, item, on=on, place=place, now=now)
        case "visit":
            choice, wish = form.get("choice", ""), form.get("wish", "")
            return replies.attend(session, visitor, item, choice=choice, wish=wish, now=now)
        case _:
            choice, text = form.get("choice", ""), form.get("text", "")
            return replies.answer(session, visitor, choice=choice, text=text, now=now)


def _iso(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def _day(*parts: str | None) -> date | None:
    try:
        year, month, day = (int((part or "").strip()) for part in parts)
        return date(year, month, day)
    except ValueError:
        return None


def _nothing() -> HTMLResponse:
    return HTMLResponse(render("patient_nothing.html"), 404)


def _closed(visitor: Visitor, token: str, *, notice: str | None = None, status: int = 200) -> HTMLResponse:
    return HTMLResponse(render("patient_closed.html", **_common(visitor, token, notice)), status)


def _open(
    session: Session,
    house: House,
    visitor: Visitor,
    token: str,
    now: datetime,
    notice: str | None = None,
    told: Told = NOTHING_TOLD,
) -> HTMLResponse:
    assert house.links is not None
    context = _common(visitor, token, notice, told) | {
        "duties": visitors.duties(session, visitor),
        "opened": house.links.opened(visitor.message_id, now=now),
        "calendar": house.links.calendar(visitor.patient.id),
    }
    context |= visiting.page(session, visitor, context["duties"], now=now)
    return HTMLResponse(render("patient_open.html", **context))


def _common(visitor: Visitor, token: str, notice: str | None, told: Told = NOTHING_TOLD) -> dict[str, Any]:
    words = {name: visiting.filled(visitor, text) for name, text in visitor.words.page.model_dump().items()}
    return {
        "visitor": visitor,
        "words": words | {"too_long": visitor.words.check_in.too_long},
        "address": f"/p/{token}",
        "notice": notice,
        "told": told.sentences,
        "is_red": told.is_red,
    }
