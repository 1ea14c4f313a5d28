"""The web application: the JSON and the pages in one, and what holds for every answer."""

import re
import time
from collections.abc import Collection, Mapping
from importlib import metadata
from typing import Any
from uuid import uuid4

import structlog
from fastapi import FastAPI
from sqlalchemy.engine import Engine
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service import metrics, pages
from service.api import (
    appointments,
    check_ins,
    clinics,
    closed_days,
    contacts,
    coordinators,
    courses,
    described,
    events,
    hand_overs,
    health,
    imports,
    merges,
    moves,
    patients,
    problems,
    protocols,
    receipts,
    reminders,
    results,
    rota,
    work_items,
)
from service.api import metrics as scraping
from service.auth import Caller
from service.channels.signed import Gateway
from service.clock import Clock
from service.deps import ANYBODY, House, SignIn
from service.limits import Limits
from service.links import Links
from service.pages import patients as visits
from service.pages import work

log = structlog.get_logger()

LARGEST_BODY = 4 * 1024 * 1024  # what comes after is left unread
LOOPBACK = ("localhost", "127.0.0.1", "::1")
REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # no address leaves; without any, browsers hide a form's origin from us
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create_app(
    engine: Engine,
    clock: Clock,
    *,
    local_only: bool = True,
    hosts: Collection[str] | None = LOOPBACK,
    links: Links | None = None,
    sign_in: SignIn = SignIn.WITH_USERS,
    stand_in: Caller = ANYBODY,
    limits: Limits | None = None,
    gateway: Gateway | None = None,
) -> FastAPI:
    """`hosts`: the names this may be asked by, None for any. On loopback it keeps other sites' pages out.

    `stand_in` is who asks without a key where `sign_in` lets anybody in.
    """
    app = FastAPI(
        title="nextcount",
        version=_version(),
        description="Medication-monitoring reminders. Days are in the patient's zone, moments are UTC.",
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    house = House(
        engine, clock, local_only, links=links, gateway=gateway, sign_in=sign_in, stand_in=stand_in,
        secure=hosts is None or (links is not None and links.base.startswith("https:")),
        limits=limits or Limits(),
    )  # fmt: skip
    app.state.house = house
    problems.install(app)
    for router in (
        health.router,
        scraping.router,
        clinics.router,
        coordinators.router,
        imports.router,
        receipts.router,
        patients.router,
        merges.router,
        courses.router,
        protocols.router,
        moves.router,
        hand_overs.router,
        contacts.router,
        appointments.router,
        check_ins.router,
        reminders.router,
        results.router,
        work_items.router,
        rota.router,
        closed_days.router,
        events.router,
        pages.router,
        work.router,
        visits.router,
    ):
        app.include_router(router)
    app.mount("/static", pages.STATIC)
    app.add_middleware(Threshold, hosts=hosts, limits=house.limits)
    described.complete(app)
    return app


def _version() -> str:
    try:
        return metadata.version("nextcount")
    except metadata.PackageNotFoundError:
        return "0"


class Threshold:
    """Every request passes here: its id, by what name, the answer's headers, what it cost, what failed."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None, limits: Limits) -> None:
        self._app, self._hosts, self._limits = app, hosts, limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(Headers(scope=scope).get("x-request-id", ""))
        head = scope["method"] == "HEAD"  # asked as GET, answered without the body
        state = dict(scope.get("state", {}))
        scope = {**scope, "state": state, "method": "GET" if head else scope["method"]}
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            await self._answer(scope, receive, _Sender(send, request_id, state, head=head))

    async def _answer(self, scope: Scope, receive: Receive, send: "_Sender") -> None:
        began = time.perf_counter()
        try:
            await (self._refusal(scope) or self._app)(scope, _limited(receive), send)
        except Exception:
            log.exception("request failed", method=metrics.known(scope["method"]), route=_route(scope))
            if send.status is None:
                await problems.answer(500, problems.DETAILS[500])(scope, receive, send)
        spent = time.perf_counter() - began
        metrics.answered(scope["method"], _route(scope), send.status, spent)
        method, ms = metrics.known(scope["method"]), round(spent * 1000)
        log.info("request", method=method, route=_route(scope), status=send.status, ms=ms)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        if not self._may_ask(Headers(scope=scope).get("host", "")):
            return problems.answer(421, "This service is not known by that name.")
        grant = self._limits.of_address((scope.get("client") or ("unknown", 0))[0])
        scope["state"]["limits"] = grant.headers
        return None if grant.allowed else problems.answer(429, problems.DETAILS[429])

    def _may_ask(self, host: str) -> bool:
        name = host.rpartition(":")[0] if re.search(r":\d*$", host) else host
        return self._hosts is None or name.strip("[]").lower() in self._hosts


class _Sender:
    """Puts the headers of every answer on it, and remembers its status."""

    def __init__(self, send: Send, request_id: str, state: Mapping[str, Any], *, head: bool) -> None:
        self._send, self._request_id, self._state, self._head = send, request_id, state, head
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            for name, value in {**HEADERS, **self._state.get("limits", {})}.items():
                headers[name] = value
        elif self._head and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)


def _limited(receive: Receive) -> Receive:
    """Of a body no more than we are ready to hold."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            raise HTTPException(413)
        return message

    return limited


def _request_id(given: str) -> str:
    return given if REQUEST_ID.fullmatch(given) else uuid4().hex[:16]


def _route(scope: Scope) -> str:
    """The route's template: an address as it was asked for may hold what no log should."""
    return getattr(scope.get("route"), "path", "unknown")
