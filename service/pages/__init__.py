"""HTML for people: read-only, without script, the same flows behind it as behind the JSON."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from db import totals
from db.adherence import Scope
from db.engine import reading
from schedules import groups
from schedules.facts import Status
from schedules.groups import By
from service.deps import House, InHouse, Now
from service.flows import figures, health, outbox, overdue, prescribing, reports
from service.flows.reports import Question
from service.pages import plots
from service.pages.templating import render

MOST_OVERDUE = 300
MOST_MESSAGES = 50
MOST_COURSES = 300
MOST_LINES = 50_000
STATIC = StaticFiles(directory=Path(__file__).parent / "static")

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Clinic = Annotated[UUID | None, Query()]


@router.get("/")
def front(house: InHouse, now: Now) -> HTMLResponse:
    with reading(house.engine) as session:
        counts = totals.counted(session)
    slipped = overdue.counted(house.engine, now=now)
    return _page(house, now, "front.html", counts=counts, slipped=slipped)


@router.get("/overdue")
def overdue_list(house: InHouse, now: Now, clinic: Clinic = None) -> HTMLResponse:
    ranked = overdue.ranked(house.engine, now=now, clinic_id=clinic)
    return _page(house, now, "overdue.html", risks=ranked[:MOST_OVERDUE], count=len(ranked))


@router.get("/outbox")
def outbox_list(
    house: InHouse,
    now: Now,
    clinic: Clinic = None,
    cursor: Annotated[str | None, Query(max_length=60)] = None,
) -> HTMLResponse:
    page = outbox.page(house.engine, limit=MOST_MESSAGES, cursor=cursor, clinic_id=clinic)
    return _page(house, now, "outbox.html", page=page, first=cursor is None, clinic=clinic)


@router.get("/reports/adherence")
def adherence(
    house: InHouse,
    now: Now,
    clinic: Clinic = None,
    by: By = By.CLINIC,
    period: Literal["year", "all"] = "year",
) -> HTMLResponse:
    """Of the last twelve months, or of all time."""
    first = now.date().replace(year=now.year - 1, day=1) if period == "year" else None
    question = Question(clinic_id=clinic, by=by, first=first, answers=False)
    report = reports.adherence(house.engine, question, now=now)
    asked = {"clinic": clinic, "from": first, "by": by.value, "format": "csv"}
    return _page(
        house,
        now,
        "adherence.html",
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


@router.get("/prescribing")
def prescribing_status(
    house: InHouse, now: Now, clinic: Clinic = None, status: Status | None = None
) -> HTMLResponse:
    scope = Scope(clinic_id=clinic)
    page = prescribing.page(house.engine, scope, now=now, limit=MOST_COURSES, status=status)
    statuses = [(each.value, _address("", clinic=clinic, status=each.value)) for each in page.counts]
    return _page(
        house,
        now,
        "prescribing.html",
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


def _page(house: House, now: datetime, template: str, **context: Any) -> HTMLResponse:
    seen = health.look(house.engine, now=now)
    return HTMLResponse(render(template, now=now, health=seen, local_only=house.local_only, **context))
