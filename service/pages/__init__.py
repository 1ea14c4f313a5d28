"""HTML for people: without script, the same flows behind it as behind the JSON."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlencode
from uuid import UUID

from fastapi import Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from db import totals
from db.adherence import Scope
from db.engine import reading
from schedules import groups
from schedules.facts import Status
from schedules.groups import By
from service import auth, guard
from service.auth import Caller
from service.deps import ANYBODY, Asks, House, InHouse, Now
from service.flows import escalations, figures, health, outbox, overdue, prescribing, reports, side_effects
from service.flows.reports import Question
from service.pages import plots
from service.pages.templating import render

MOST_OVERDUE = 300
MOST_MESSAGES = 50
MOST_COURSES = 300
MOST_LINES = 50_000
STATIC = StaticFiles(directory=Path(__file__).parent / "static")

router = guard.router(include_in_schema=False, default_response_class=HTMLResponse)
Clinic = Annotated[UUID | None, Query()]


@router.get("/", operation_id="front_page")
def front(house: InHouse, now: Now, caller: Asks) -> HTMLResponse:
    with reading(house.engine) as session:
        counts = totals.counted(session, clinic_id=caller.clinic_id)
    slipped = overdue.counted(house.engine, now=now, clinic_id=caller.clinic_id)
    return shown(house, now, "front.html", caller, counts=counts, slipped=slipped)


@router.get("/overdue", operation_id="overdue_page")
def overdue_list(house: InHouse, now: Now, caller: Asks, clinic: Clinic = None) -> HTMLResponse:
    ranked = overdue.ranked(house.engine, now=now, clinic_id=caller.clinic(clinic))
    return shown(house, now, "overdue.html", caller, risks=ranked[:MOST_OVERDUE], count=len(ranked))


@router.get("/outbox", operation_id="outbox_page")
def outbox_list(
    house: InHouse,
    now: Now,
    caller: Asks,
    clinic: Clinic = None,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
) -> HTMLResponse:
    page = outbox.page(house.engine, limit=MOST_MESSAGES, cursor=cursor, clinic_id=caller.clinic(clinic))
    return shown(house, now, "outbox.html", caller, page=page, first=cursor is None, clinic=clinic)


@router.get("/sign-in", operation_id="sign_in_form")
def sign_in_form() -> HTMLResponse:
    return _form(refused=False)


@router.post("/sign-in", operation_id="sign_in")
async def sign_in(request: Request, house: InHouse, now: Now) -> Response:
    """The browser is given a session for a key. The form's answer is the front page, or the form again."""
    guard.same_origin(request)
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), max_num_fields=5)
    key = fields.get("key", [""])[0].strip()
    token = await run_in_threadpool(auth.sign_in, house.engine, key, now=now)
    if token is None:
        return _form(refused=True)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(
        house.cookie, token, max_age=int(auth.LONGEST.total_seconds()), httponly=True, samesite="lax",
        secure=house.secure,
    )  # fmt: skip
    return answer


@router.post("/sign-out", operation_id="sign_out")
def sign_out(request: Request, house: InHouse) -> Response:
    guard.same_origin(request)
    auth.sign_out(house.engine, request.cookies.get(house.cookie, ""))
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(house.cookie, httponly=True, samesite="lax", secure=house.secure)
    return answer


def _form(*, refused: bool) -> HTMLResponse:
    return HTMLResponse(render("sign-in.html", refused=refused), 403 if refused else 200)


def shown(
    house: House, now: datetime, template: str, caller: Caller, *, status: int = 200, **context: Any
) -> HTMLResponse:
    seen = health.look(house.engine, now=now, clinic_id=caller.clinic_id)
    loud = escalations.loud(house.engine, now=now, clinic_id=caller.clinic_id)
    text = render(
        template,
        now=now,
        health=seen,
        loud=loud,
        local_only=house.local_only,
        caller=caller,
        nobody_is_asked=caller is ANYBODY,
        **context,
    )
    return HTMLResponse(text, status)


@router.get("/reports/adherence", operation_id="adherence_page")
def adherence(
    house: InHouse,
    now: Now,
    caller: Asks,
    clinic: Clinic = None,
    by: By = By.CLINIC,
    period: Literal["year", "all"] = "year",
) -> HTMLResponse:
    """Of the last twelve months, or of all time."""
    first = now.date().replace(year=now.year - 1, day=1) if period == "year" else None
    clinic = caller.clinic(clinic)
    question = Question(clinic_id=clinic, by=by, first=first, answers=False)
    report = reports.adherence(house.engine, question, now=now)
    asked = {"clinic": clinic, "from": first, "by": by.value, "format": "csv"}
    return shown(
        house,
        now,
        "adherence.html",
        caller,
        report=report,
        says=plots.on_time_sentence(report),
        found=plots.on_time(report),
        parts=plots.PARTS,
        rule=groups.RULES[by],
        grace=figures.GRACE,
        choice=figures.CHOICE,
        choices=[(each.value, _address("", clinic=clinic, by=each.value, period=period)) for each in By],
        all_time=_address("", clinic=clinic, by=by.value, period="all"),
        download=_address("/v1/reports/adherence", **asked),
        download_lines=_address("/v1/reports/adherence/lines", **asked, limit=MOST_LINES),
    )


@router.get("/reports/side-effects", operation_id="side_effects_page")
def side_effects_report(house: InHouse, now: Now, caller: Asks, clinic: Clinic = None) -> HTMLResponse:
    """Of the last year."""
    clinic = caller.clinic(clinic)
    report = side_effects.report(house.engine, clinic_id=clinic, first=None, last=None, now=now)
    return shown(
        house,
        now,
        "side_effects.html",
        caller,
        report=report,
        found=plots.side_effects(report),
        sentences=[side_effects.sentence(measure) for measure in report.measures],
        limits=side_effects.LIMITS,
        download=_address("/v1/reports/check-ins", clinic=clinic),
    )


@router.get("/prescribing", operation_id="prescribing_page")
def prescribing_status(
    house: InHouse, now: Now, caller: Asks, clinic: Clinic = None, status: Status | None = None
) -> HTMLResponse:
    clinic = caller.clinic(clinic)
    scope = Scope(clinic_id=clinic)
    page = prescribing.page(house.engine, scope, now=now, limit=MOST_COURSES, status=status)
    statuses = [(each.value, _address("", clinic=clinic, status=each.value)) for each in page.counts]
    return shown(
        house,
        now,
        "prescribing.html",
        caller,
        page=page,
        says=plots.standings_sentence(page.counts),
        found=plots.standings(page.counts),
        without=prescribing.without_next_date(house.engine, scope, now=now),
        most=MOST_COURSES,
        chosen=status or "all",
        choices=[("all", _address("", clinic=clinic)), *statuses],
        meanings=plots.MEANINGS,
        download=_address("/v1/prescribing-status", clinic=clinic, status=status, format="csv", limit=5000),
    )


def _address(path: str, **asked: Any) -> str:
    return f"{path}?{urlencode({name: value for name, value in asked.items() if value is not None})}"
