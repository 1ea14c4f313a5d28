"""Pages of a list in a stable order: a cursor says after which row the next page begins."""

from collections.abc import Sequence
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from service.errors import Fault, Problem
from service.flows.explanations import Part

Row = TypeVar("Row")

Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Cursor = Annotated[str | None, Query(description="The `next` of the page before.", max_length=60)]


class Page(BaseModel):
    next: str | None = Field(None, description="The cursor of the next page; null on the last one.")


def after(cursor: str | None) -> UUID | None:
    """The id after which a page begins. Problem when the cursor is none of ours."""
    try:
        return None if cursor is None else UUID(hex=cursor)
    except ValueError:
        fault = Fault("cursor", "use the cursor that the page before gave as its next")
        raise Problem(422, "The request is not valid.", errors=[fault]) from None


def part(cursor: str | None, limit: int) -> Part:
    """Of a list the last made first the part that this page is of, with one row more."""
    return Part(after(cursor), limit + 1)


def cut(rows: Sequence[Any], limit: int) -> tuple[Sequence[Any], str | None]:
    """Of one row more than a page holds the page, and the cursor of the next when there is one."""
    return rows[:limit], rows[limit - 1].id.hex if len(rows) > limit else None


def link(request: Request, response: Response, cursor: str | None) -> None:
    """Say in a header too where the next page is (RFC 8288)."""
    if cursor is not None:
        address = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{address.path}?{address.query}>; rel="next"'
