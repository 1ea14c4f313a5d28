"""For whoever watches the service: is it alive, does it do its work."""

from datetime import datetime

from pydantic import BaseModel

from service import guard
from service.api.problems import documented
from service.deps import InHouse, Now
from service.errors import Fault, Problem
from service.flows import health

router = guard.router(prefix="/health", tags=["health"])


class Alive(BaseModel):
    status: str = "alive"


class Ready(BaseModel):
    status: str = "ready"
    reminders_checked_at: datetime | None
    oldest_due_at: datetime | None


@router.get("/live", operation_id="alive")
def alive() -> Alive:
    """The process answers. It does not ask the database: a restart would not help that."""
    return Alive()


@router.get("/ready", operation_id="ready", responses=documented(503))
def ready(house: InHouse, now: Now) -> Ready:
    """The database is there and at this program's revision, and the loops have given a sign of life."""
    seen = health.look(house.engine, now=now)
    if seen.reasons:
        raise Problem(503, " ".join(seen.reasons), errors=[Fault("", reason) for reason in seen.reasons])
    return Ready(reminders_checked_at=seen.checked_at, oldest_due_at=seen.oldest_due_at)
