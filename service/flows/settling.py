"""Outcomes are written slice by slice, also over a connection that breaks.

What was said and not written down would be in doubt: said again where the provider knows our key or can be
asked, a possible duplicate where it is blind. So a slice whose commit was cut off is written once more until
the lease is over. That it may have been committed does no harm: who settled a message holds it no more.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import DBAPIError

from db import away
from db.batches import batched
from db.engine import writing
from service import clock as clocks
from service.channels import INSIDE
from service.clock import Clock
from service.flows import outcomes
from service.flows.outcomes import Sent

Write: TypeAlias = Callable[..., Any]
SLICE = 50
PAUSE = 0.5  # seconds between two tries

log = structlog.get_logger()


def settle(
    engine: Engine, sent: Sequence[Sent], clock: Clock, *, until: float, write: Write | None = None
) -> None:
    """`until`, by `clocks.seconds`, is when the lease ends; `write` settles a slice, if not of reminders."""
    for some in slices(sent):
        while not _settled(engine, some, clock, until=until, write=write):
            time.sleep(PAUSE)


def slices(sent: Sequence[Sent]) -> Iterator[Sequence[Sent]]:
    """What left the house in slices: so many may be said twice after a crash. The rest at once."""
    yield from batched(one for one in sent if one.dispatch.claimed.channel in INSIDE)
    yield from batched((one for one in sent if one.dispatch.claimed.channel not in INSIDE), SLICE)


def _settled(
    engine: Engine, some: Sequence[Sent], clock: Clock, *, until: float, write: Write | None
) -> bool:
    try:
        with writing(engine) as session:
            (write or outcomes.settle)(session, some, clock())
    except DBAPIError as error:
        if not away.is_cut_off(error) or clocks.seconds() >= until:
            raise
        log.warning("outcomes not written yet", count=len(some), error=type(error).__name__)
        return False
    return True
