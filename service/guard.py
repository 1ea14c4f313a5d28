"""The door of every operation: who asks, may they, how fast. It is passed before a body is read."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException

from db import users
from db.engine import reading
from service import auth
from service.auth import Caller, policy
from service.deps import House, SignIn, house_of, now_of
from service.errors import Problem

SAFE = ("GET", "HEAD")
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Guarded(APIRoute):
    """A route that asks the policy by its operation's id."""

    def get_route_handler(self) -> Handler:
        handle, operation, page = super().get_route_handler(), self.operation_id, not self.include_in_schema
        takes_body = self.body_field is not None

        async def guarded(request: Request) -> Response:
            if operation not in policy.PUBLIC:
                await run_in_threadpool(_admit, request, operation or "", page=page)
            if takes_body and not _is_json(request):
                raise Problem(415, "Send the body as application/json.")
            return await handle(request)

        return guarded


def router(**settings: Any) -> APIRouter:
    return APIRouter(route_class=Guarded, **settings)


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json"


def _admit(request: Request, operation: str, *, page: bool) -> None:
    house, now = house_of(request), now_of(request)
    caller = _caller(house, request, now, page=page)
    if caller is None and page and request.method in SAFE:
        raise HTTPException(303, headers={"Location": "/sign-in"})
    auth.authorize(operation, caller)
    assert caller is not None
    request.state.caller = caller
    if caller.key:
        grant = house.limits.of_key(caller.key)
        request.state.limits = grant.headers
        if not grant.allowed:
            raise Problem(429, "This key asks too often.")


def _caller(house: House, request: Request, now: datetime, *, page: bool) -> Caller | None:
    """A key counts everywhere; a browser's cookie for reading, and for forms of our own pages."""
    if (given := request.headers.get("authorization")) is not None:
        scheme, _, key = given.partition(" ")
        return auth.identify(house.engine, key.strip(), now=now) if scheme.lower() == "bearer" else None
    if page and request.method not in SAFE:
        same_origin(request)
    token = request.cookies.get(house.cookie) if page or request.method in SAFE else None
    found = auth.of_session(house.engine, token, now=now) if token else None
    return found or (house.stand_in if is_open(house) else None)


def is_open(house: House) -> bool:
    """Whether who shows no key is let in."""
    if house.sign_in is not SignIn.WITH_USERS:
        return house.sign_in is SignIn.NEVER
    with reading(house.engine) as session:
        return not users.exist(session)


def same_origin(request: Request) -> None:
    """Problem unless a page of this service sent the form: another site's could use the browser's cookie."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site == "same-origin":
        return  # the browser says so; over plain http it says nothing but the origin
    if site is not None:
        raise Problem(403, "This form was sent by another site.")
    if origin is None:
        raise Problem(403, "The browser does not say which site sent this form.")
    if urlsplit(origin).netloc.lower() != request.headers.get("host", "").lower():
        raise Problem(403, "This form was sent by another site.")
