"""For a clinic: what a protocol would do, how well the plans are kept, who may be given a repeat."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import date
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, BeforeValidator, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from db.adherence import Scope
from schedules.facts import Status
from schedules.groups import By
from service import guard
from service.api.figures import LineOut, LinesPage, StandingOut, StandingsPage, WithoutList, WithoutOut
from service.api.problems import documented
from service.auth import Caller
from service.deps import Asks, InHouse, Now
from service.errors import Problem, Refused
from service.flows import figures, lines, prescribing, preview, reports
from service.flows.reports import Question

router = guard.router(prefix="/v1", tags=["schedules"])

EXAMPLE: dict[str, Any] = {
    "until": "2026-04-30",
    "patient": {"time_zone": "America/New_York", "preferred_time": "09:00"},
    "courses": [{"protocol": "azathioprine-us-label", "start": "2026-01-05"}],
    "tests": "on-due",
}
BODY = {
    "type": "object",
    "required": ["until", "patient", "courses"],
    "additionalProperties": False,
    "properties": {
        "until": {"type": "string", "format": "date", "description": "The last day."},
        "patient": {"type": "object", "required": ["time_zone"]},
        "clinic": {"type": "object", "required": ["time_zone"]},
        "courses": {
            "type": "array",
            "items": {"type": "object", "required": ["protocol", "start"]},
            "minItems": 1,
            "maxItems": 10,
            "description": "`protocol` is the id of a packaged one, or a whole protocol as an object.",
        },
        "results": {"type": "array", "items": {"type": "object"}},
        "tests": {"description": '"on-due", "never", or the days on which complete panels were collected.'},
        "outages": {"type": "array", "items": {"type": "array"}},
        "events": {"type": "array", "items": {"type": "object"}, "description": "The patient moved."},
    },
}
ANSWER = {
    "type": "object",
    "required": ["items", "reminders", "work_items", "visits"],
    "properties": {
        name: {"type": "array", "items": {"type": "object"}}
        for name in ("items", "reminders", "work_items", "visits")
    },
}


@router.post(
    "/schedules/preview",
    operation_id="preview_schedule",
    response_class=Response,
    responses={
        200: {"description": "What would happen.", "content": {"application/json": {"schema": ANSWER}}},
        **documented(413, 415, 422, 503),
    },
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": BODY, "example": EXAMPLE}},
        }
    },
)
async def preview_schedule(request: Request) -> Response:
    """Wind the clock forward over courses. The body and the answer are those of `nextcount simulate`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise Problem(415, "Send the body as application/json.")
    answer = await run_in_threadpool(preview.run, await _body(request))
    return Response(answer, media_type="application/json")


async def _body(request: Request) -> bytes:
    """As much as is read of any body: what comes after that is left unread."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > preview.LARGEST:
            raise Problem(413, f"The body is larger than {preview.LARGEST // 1024} KiB.")
    return bytes(body)


# ---- reports


class Format(StrEnum):
    JSON = "json"
    CSV = "csv"


def _iso(text: Any) -> Any:
    """A day is written as 2026-01-31 and in no other way."""
    if isinstance(text, str) and date.fromisoformat(text).isoformat() != text:
        raise ValueError("not a day")
    return text


Day = Annotated[date | None, BeforeValidator(_iso)]
Words = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]
Clinic = Annotated[UUID | None, Query(description="Only this clinic.")]
Form = Annotated[Format, Query(alias="format", description="CSV holds nothing a spreadsheet could run.")]
Cursor = Annotated[str | None, Query(description="The `next` of the page before.", max_length=120)]
CSV = "text/csv; charset=utf-8"
REPORT = {
    "description": "Figures; null is no data. Parts add up to denominators, groups to the total.",
    "content": {
        "application/json": {"schema": {"type": "object", "required": ["by", "groups", "total"]}},
        "text/csv": {"schema": {"type": "string"}},
    },
}


AS_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}


class Asked(BaseModel):
    """What a report is of: what is not given leaves nothing out."""

    clinic: UUID | None = Field(None, description="Only this clinic.")
    medicine: Words = None
    protocol: Words = None
    first: Day = Field(None, alias="from", description="The first day; without it all time.")
    last: Day = Field(None, alias="to", description="The last day, by default today.")
    as_of: AwareDatetime | None = Field(None, description="From what was known at that moment.")
    by: By = Field(By.CLINIC, description="What to tell apart.")

    def question(self, caller: Caller) -> Question:
        return Question(
            clinic_id=caller.clinic(self.clinic),
            medicine=self.medicine,
            protocol=self.protocol,
            first=self.first,
            last=self.last,
            as_of=self.as_of,
            by=self.by,
        )


@contextmanager
def _answering() -> Iterator[None]:
    """What a flow refuses, in the words of an address instead of a command line."""
    try:
        yield
    except Refused as error:
        raise Problem(422, str(error).replace("--as-of", "as_of").replace("--", "")) from None


@router.get(
    "/reports/adherence",
    operation_id="report_adherence",
    response_class=Response,
    responses={200: REPORT, **documented(422)},
)
def report_adherence(
    house: InHouse, now: Now, caller: Asks, asked: Annotated[Asked, Query()], form: Form = Format.JSON
) -> Response:
    """Adherence by clinic, medicine, protocol, phase, month or age band."""
    with _answering():
        report = reports.adherence(house.engine, asked.question(caller), now=now)
    if form is Format.CSV:
        return Response(figures.as_csv(report), media_type=CSV)
    return JSONResponse(figures.as_json(report))


@router.get(
    "/reports/adherence/lines",
    operation_id="list_adherence_lines",
    response_model=LinesPage,
    responses=AS_CSV | documented(422),
)
def list_adherence_lines(
    house: InHouse,
    now: Now,
    caller: Asks,
    request: Request,
    response: Response,
    asked: Annotated[Asked, Query()],
    measure: Annotated[str, Query(description=" or ".join(lines.MEASURES), max_length=40)] = "on-time",
    group: Words = None,
    part: Words = None,
    form: Form = Format.JSON,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=50_000)] = 1000,
) -> Any:
    """The items, clocks or courses behind a number, and why one is not counted."""
    chosen = lines.Chosen(measure, group=group, part=part)
    with _answering():
        page = lines.page(house.engine, asked.question(caller), chosen, now=now, limit=limit, cursor=cursor)
    headers = _link(request, page.next)
    if form is Format.CSV:
        return Response(lines.as_csv(page.lines), media_type=CSV, headers=headers)
    response.headers.update(headers)
    return LinesPage(items=[LineOut(**asdict(line)) for line in page.lines], next=page.next)


@router.get(
    "/prescribing-status",
    operation_id="list_prescribing_status",
    response_model=StandingsPage,
    responses=AS_CSV | documented(422),
)
def list_prescribing_status(
    house: InHouse,
    now: Now,
    caller: Asks,
    request: Request,
    response: Response,
    clinic: Clinic = None,
    medicine: Words = None,
    status: Status | None = None,
    form: Form = Format.JSON,
    cursor: Cursor = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 500,
) -> Any:
    """Whether each course is in date, due, overdue, lapsed or held: asked before a repeat is issued."""
    scope = Scope(clinic_id=caller.clinic(clinic), medicine=medicine)
    with _answering():
        page = prescribing.page(house.engine, scope, now=now, limit=limit, status=status, cursor=cursor)
    headers = _link(request, page.next)
    if form is Format.CSV:
        return Response(prescribing.as_csv(page.rows, prescribing.COLUMNS), media_type=CSV, headers=headers)
    response.headers.update(headers)
    counts = {status.value: count for status, count in page.counts.items()}
    return StandingsPage(counts=counts, items=[StandingOut.of(one) for one in page.rows], next=page.next)


@router.get(
    "/patients-without-next-date",
    operation_id="list_patients_without_next_date",
    response_model=WithoutList,
    responses=AS_CSV | documented(422),
)
def list_patients_without_next_date(
    house: InHouse, now: Now, caller: Asks, clinic: Clinic = None, form: Form = Format.JSON
) -> Any:
    """Who is on a medicine and has no test planned, and why. The list should be empty."""
    found = prescribing.without_next_date(house.engine, Scope(clinic_id=caller.clinic(clinic)), now=now)
    if form is Format.CSV:
        return Response(prescribing.as_csv(found, prescribing.WITHOUT_COLUMNS), media_type=CSV)
    return WithoutList(count=len(found), items=[WithoutOut.of(one) for one in found])


def _link(request: Request, cursor: str | None) -> dict[str, str]:
    if cursor is None:
        return {}
    link = request.url.include_query_params(cursor=cursor)
    return {"Link": f'<{link.path}?{link.query}>; rel="next"'}
