"""What a request is given: the database, the time, and the facts about this process that pages show."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.engine import Engine

from service.channels.signed import Gateway
from service.clock import Clock
from service.links import Links


@dataclass(frozen=True, slots=True)
class House:
    """What `create_app` was given."""

    engine: Engine
    clock: Clock
    local_only: bool  # no transport: messages go to the outbox and nowhere else
    links: Links | None = None  # what makes and reads the links in messages
    gateway: Gateway | None = None  # whose receipts are believed


def _house(request: Request) -> House:
    house: House = request.app.state.house
    return house


def _now(house: Annotated[House, Depends(_house)]) -> datetime:
    return house.clock()


InHouse = Annotated[House, Depends(_house)]
Now = Annotated[datetime, Depends(_now)]
