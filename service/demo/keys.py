"""The demo's users: a key for each role, and the coordinator as whom its pages open."""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy.engine import Engine

from db.engine import writing
from db.tables import UserRole
from service.auth import Caller
from service.demo.story import COORDINATOR
from service.flows import users


def signed_in() -> Caller:
    return Caller(name=COORDINATOR, role=UserRole.COORDINATOR, clinic_id=None, key="")


def made(engine: Engine, *, now: datetime) -> Iterator[str]:
    """A key for each role, of all four clinics, in words for a terminal."""
    yield "Keys for /v1, as Authorization: Bearer KEY:"
    for role in UserRole:
        with writing(engine) as session:
            key = users.add(session, f"the demo's {role.value}", role, clinic_id=None, by="demo", now=now)
        yield f"  {role.value:<12} {key}"
