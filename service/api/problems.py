"""Every error as application/problem+json (RFC 9457). None repeats what was sent."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from db import away
from service.errors import Fault, Problem, one_line
from service.ingest import cells

MEDIA_TYPE = "application/problem+json"
SAFE = frozenset(  # what the validator says of these names what is wanted, never what was sent
    {
        *("missing", "extra_forbidden", "greater_than_equal", "less_than_equal", "enum"),
        *("string_too_short", "string_too_long", "too_short", "too_long", "int_parsing", "bool_parsing"),
        *("date_parsing", "date_from_datetime_parsing", "string_type", "int_type", "bool_type", "list_type"),
    }
)
HEADERS = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}
DETAILS = {
    400: "The body cannot be read.",
    401: "Say who you are: Authorization: Bearer and a key of this service.",
    403: "This key's role may not do this.",
    404: "There is nothing at this address.",
    405: "This address does not take that method.",
    409: "This contradicts what is stored already.",
    412: "It was changed since you read it: read it again.",
    413: "The body is too large.",
    415: "Send the body as application/json.",
    428: "Say which version you change: If-Match and the ETag that you read.",
    429: "You ask too often.",
    500: "This failed here, not with you. The log has it under this request's id.",
}


class FaultOut(BaseModel):
    loc: str = Field(description="The place in the request, its parts joined by points.", examples=["until"])
    msg: str = Field(description="What is wrong there.", examples=["is missing"])


class ProblemOut(BaseModel):
    """Why a request was not carried out."""

    type: str = Field("about:blank", description="The status says what kind of problem it is.")
    title: str = Field(examples=["Unprocessable Content"])
    status: int = Field(examples=[422])
    detail: str = Field(examples=["The body cannot be simulated."])
    errors: list[FaultOut] = Field(default_factory=list)
    request_id: str | None = Field(None, examples=["0b1f6a3c9d2e4f58"])


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What OpenAPI says of these statuses."""
    return {
        status: {
            "description": title(status),
            "content": {MEDIA_TYPE: {"schema": ProblemOut.model_json_schema(), "example": _example(status)}},
        }
        for status in statuses
    }


def _example(status: int) -> dict[str, Any]:
    errors = [Fault("until", "is missing")] if status == 422 else []
    return document(status, DETAILS.get(status, "The request is not valid."), errors, "0b1f6a3c9d2e4f58")


def title(status: int) -> str:
    return "Unprocessable Content" if status == 422 else HTTPStatus(status).phrase


def document(status: int, detail: str, errors: Sequence[Fault], request_id: str | None) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": title(status),
        "status": status,
        "detail": detail,
        "errors": [{"loc": fault.loc, "msg": fault.msg} for fault in errors],
        "request_id": request_id,
    }


def answer(
    status: int, detail: str, errors: Sequence[Fault] = (), headers: Mapping[str, str] | None = None
) -> JSONResponse:
    request_id = structlog.contextvars.get_contextvars().get("request_id")
    content = document(status, detail, errors, request_id)
    return JSONResponse(content, status, dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(SQLAlchemyError, _no_database)
    app.add_exception_handler(IntegrityError, _contradiction)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)
    headers = HEADERS.get(error.status, {})
    return answer(error.status, error.detail, error.errors, headers)


async def _http(request: Request, error: Exception) -> JSONResponse:
    """The framework's own refusals, in our words: its sentence may hold what was sent."""
    assert isinstance(error, HTTPException)
    detail = DETAILS.get(error.status_code, f"{title(error.status_code)}.")
    return answer(error.status_code, detail, headers=error.headers)


async def _contradiction(request: Request, error: Exception) -> JSONResponse:
    """Two requests at once: the database let the first have it."""
    return answer(409, DETAILS[409])


async def _no_database(request: Request, error: Exception) -> JSONResponse:
    if not away.is_away(error):
        raise error
    return answer(503, "The database cannot be reached.", headers={"Retry-After": "5"})


def _sentence(found: Mapping[str, Any]) -> str:
    """The validator's sentence where it cannot hold what was sent."""
    refused = found.get("ctx", {}).get("error")
    if isinstance(refused, cells.Refused):
        return str(refused)
    return str(found["msg"]) if found["type"] in SAFE else "is not valid"


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [
        Fault(one_line(".".join(str(part) for part in found["loc"]), longest=200), _sentence(found))
        for found in error.errors()
    ]
    return answer(422, "The request is not valid.", faults)
