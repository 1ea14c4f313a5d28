"""What a request is given: the database, the time, who asks, and what pages show of this process."""

import threading
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.engine import Engine
from starlette.concurrency import run_in_threadpool

from db.tables import UserRole
from service.auth import Caller
from service.channels.signed import Gateway
from service.clock import Clock
from service.limits import Limits
from service.links import Links

COOKIE = "nextcount"
SECURE_COOKIE = f"__Host-{COOKIE}"


class SignIn(Enum):
    """Whether who shows no key is asked for one."""

    ALWAYS = "always"
    WITH_USERS = "once there is a user"
    NEVER = "never"  # the demo, or behind a proxy that asks


ANYBODY = Caller(name="nobody signed in", role=UserRole.COORDINATOR, clinic_id=None, key="")


@dataclass(frozen=True, slots=True)
class House:
    """What `create_app` was given."""

    engine: Engine
    clock: Clock
    local_only: bool  # no transport: messages go to the outbox and nowhere else
    links: Links | None = None  # what makes and reads the links in messages
    sign_in: SignIn = SignIn.WITH_USERS
    stand_in: Caller = ANYBODY  # who asks where nobody is asked for a key
    secure: bool = False  # cookies for https alone
    limits: Limits = field(default_factory=Limits)
    under_way: set[object] = field(default_factory=set)  # what is being created in this process
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def cookie(self) -> str:
        return SECURE_COOKIE if self.secure else COOKIE

    gateway: Gateway | None = None  # whose receipts are believed


def house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house


def now_of(request: Request) -> datetime:
    """One moment for the whole request."""
    if not hasattr(request.state, "now"):
        request.state.now = house_of(request).clock()
    now: datetime = request.state.now
    return now


def caller_of(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _house(request: Request) -> House:
    return house_of(request)


async def _now(request: Request) -> datetime:
    """The door has read the clock; where there is none, a database's clock may have to be waited for."""
    return now_of(request) if hasattr(request.state, "now") else await run_in_threadpool(now_of, request)


async def _caller(request: Request) -> Caller:
    return caller_of(request)


# Coroutines: to what is none the framework gives a thread, which costs more than any of them does.
InHouse = Annotated[House, Depends(_house)]
Now = Annotated[datetime, Depends(_now)]
Asks = Annotated[Caller, Depends(_caller)]
