"""HTML for people: read-only, without script, the same flows behind it as behind the JSON."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

from db import totals
from db.engine import reading
from service.deps import House, InHouse, Now
from service.flows import health, outbox, overdue
from service.pages.templating import render

MOST_OVERDUE = 300
MOST_MESSAGES = 50
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


def _page(house: House, now: datetime, template: str, **context: Any) -> HTMLResponse:
    seen = health.look(house.engine, now=now)
    return HTMLResponse(render(template, now=now, health=seen, local_only=house.local_only, **context))
