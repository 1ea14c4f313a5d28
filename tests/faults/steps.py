"""The named steps of the loops, how a life reaches them, and what may become of it there.

The service knows nothing of this: its functions are wrapped in the process of the life alone.
"""

import os
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import httpx2
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlmodel import Session

from db import attempts, messages, reminders
from db.messages import Queue
from service import messages as wording
from service.channels import webhook
from service.flows import guarding, outcomes, plans, rungs

STEPS = (
    *("before the plan", "plan written", "before the plan's commit", "plan committed"),
    *("before the claim", "claimed", "guarded", "before the attempts", "attempts written"),
    *("before the claim's commit", "claim committed", "before rendering", "rendered", "connecting"),
    *("received", "taken"),  # by the provider, which has not answered yet
    *("answered", "before the outcome", "outcome written", "attempts ended", "reminders decided"),
    *("next rungs written", "before the outcome's commit", "outcome committed"),
)
AT_THE_PROVIDER = ("received", "taken")
FATES = ("kill", "stop", "cut")
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "cut": signal.SIGUSR1}
A_MOMENT = 0.02  # for a signal to arrive


class Fate:
    """What becomes of this process when it reaches a step for the first time."""

    def __init__(self, engine: Engine, step: str | None, fate: str | None) -> None:
        self._engine, self._step, self._fate = engine, step, fate
        self._connections: list[Any] = []
        self._once = threading.Lock()
        self.met = False
        event.listen(engine, "connect", lambda connection, _: self._connections.append(connection))
        if fate == "cut":
            signal.signal(signal.SIGUSR1, lambda *_: self._meet())

    def reach(self, step: str) -> None:
        if step == self._step and step not in AT_THE_PROVIDER and self._once.acquire(blocking=False):
            self._meet()

    def _meet(self) -> None:
        self.met = True
        if self._fate == "cut":
            self._cut()
            return
        os.kill(os.getpid(), SIGNALS[self._fate or "kill"])
        time.sleep(A_MOMENT)

    def _cut(self) -> None:
        """Every connection of this process to its database breaks, and the process lives on."""
        if self._engine.dialect.name == "sqlite":
            for connection in self._connections:
                connection.close()
            return
        backends = sa.table("pg_stat_activity", sa.column("pid"), sa.column("datname"))
        others = (
            backends.c.datname == sa.func.current_database(),
            backends.c.pid != sa.func.pg_backend_pid(),
        )
        terminate = sa.select(sa.func.pg_terminate_backend(backends.c.pid, 1000)).where(*others)
        other_way = sa.create_engine(self._engine.url, poolclass=sa.NullPool)
        with other_way.connect() as connection:
            connection.execute(terminate)


class Transactions:
    """Which transaction is open: the plan's, the claim's or an outcome's."""

    def __init__(self) -> None:
        self.name: str | None = None


def arm(reach: Callable[[str], None]) -> None:
    """Have `reach` called at every step of this process."""
    open_ = Transactions()

    def around(module: Any, name: str, before: str = "", after: str = "", *, of: str = "") -> None:
        whole = getattr(module, name)

        def wrapped(*given: Any, **more: Any) -> Any:
            if more.get("queue", Queue.REMINDERS) is not Queue.REMINDERS:
                return whole(*given, **more)  # of notices, and there are none
            open_.name = of or open_.name
            if before:
                reach(before)
            found = whole(*given, **more)
            if after and (of or after in NOT_IN_OUTCOMES or open_.name == "outcome"):
                reach(after)
            return found

        setattr(module, name, wrapped)

    around(plans, "apply", "before the plan", "plan written", of="plan")
    around(messages, "claim", "before the claim", "claimed", of="claim")
    around(guarding, "write", after="guarded")
    around(attempts, "start", "before the attempts", "attempts written")
    around(wording, "render", "before rendering", "rendered")
    around(httpx2.AsyncClient, "stream", "connecting")
    around(webhook, "_beginning", "answered")
    around(outcomes, "settle", "before the outcome", of="outcome")
    around(messages, "settle", after="outcome written")
    around(attempts, "end", after="attempts ended")
    around(reminders, "decide", after="reminders decided")
    around(rungs, "climb", after="next rungs written")

    def before_commit(session: Session) -> None:
        reach(f"before the {open_.name}'s commit")

    def after_commit(session: Session) -> None:
        name, open_.name = open_.name, None
        reach(f"{name} committed")

    event.listen(Session, "before_commit", before_commit)
    event.listen(Session, "after_commit", after_commit)


NOT_IN_OUTCOMES = ("guarded", "attempts written", "rendered")
