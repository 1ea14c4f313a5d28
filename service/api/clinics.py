"""For a clinic's engineer and its clinicians: what a protocol would do."""

from typing import Any

from fastapi import Request, Response
from starlette.concurrency import run_in_threadpool

from service import guard
from service.api.problems import documented
from service.errors import Problem
from service.flows import preview

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
