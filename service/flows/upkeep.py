"""What days alone change: missed check-ins, lapsed overrides, reviews, gaps of the rota, moves, offers."""

from collections.abc import Callable

from sqlalchemy.engine import Engine

from db import courses
from db.engine import reading, writing
from service.clock import Clock
from service.flows import asked_courses, closed_days, guardians, hand_overs, moves, plans, rota
from service.flows.nightly import Nightly

BATCH = 200


def tick(
    engine: Engine,
    clock: Clock,
    *,
    go_on: Callable[[], bool] = lambda: True,
    nightly: Nightly | None = None,
) -> int:
    """Plan again every course whose plan changes by itself on its patient's today; how many there were.

    After a batch `go_on` says whether another may follow.
    """
    moves.tick(engine, clock, go_on=go_on)
    handled = 0
    rota.look_ahead(engine, now=clock())
    asked_courses.tick(engine, now=clock())
    guardians.tick(engine, now=clock())
    if nightly is not None:
        nightly.tick(now=clock(), go_on=go_on)
    hand_overs.tick(engine, now=clock())
    closed_days.tick(engine, clock, go_on=go_on)
    while True:
        now = clock()
        with reading(engine) as session:
            keys = courses.to_replan(session, now=now, limit=BATCH)
        if not keys:
            return handled
        with writing(engine) as session:
            plans.apply(session, keys, now=now)
        handled += len(keys)
        if not go_on():
            return handled
