"""The watchdog's loop: it plans digests and canaries, and sends alarms past whatever holds up reminders.

A canary is a message like any other: planned here, claimed and sent by the loop of reminders. Only when one
was accepted, and nothing else is wrong, the dead man's switch outside is called: it alone can tell when
everything here has stopped.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy.engine import Engine

from db import deployments
from db import notices as stored
from db.engine import reading, writing
from db.messages import Queue
from db.tables import Kind
from db.types import new_id
from service.channels import Channels
from service.clock import Clock
from service.flows import digests, health, notices
from service.flows.gates import Gate
from service.flows.notices import Manner
from service.flows.sending import Hand

EVERY = timedelta(minutes=5)
REMEMBERED = timedelta(days=1)  # canaries, by when they were planned


@dataclass(slots=True, kw_only=True)
class Watchdog:
    engine: Engine
    clock: Clock
    channels: Channels
    manner: Manner = notices.PLAIN
    every: timedelta = EVERY
    call_outside: Callable[[], bool] | None = None
    _called_for: UUID | None = field(default=None, init=False)

    def tick(self, *, go_on: Callable[[], bool] = lambda: True) -> int:
        """How many digests were planned and alarms sent."""
        now = self.clock()
        planned = digests.plan(self.engine, now=now)
        self._plan_canary(now)
        go_on()
        hand = Hand(channels=self.channels, gate=Gate(self.engine, self.clock))
        sent = notices.send_due(self.engine, self.clock, hand, self.manner, queue=Queue.ALARMS)
        self._call(self.clock())
        return planned + sent

    def _plan_canary(self, now: datetime) -> None:
        with reading(self.engine) as session:
            newest, held = stored.newest_canary(session), deployments.is_held(session)
        if held or (newest is not None and now < newest.created_at + self.every):
            return
        row = {"clinic_id": stored.HOUSE, "kind": Kind.CANARY, "key": str(new_id()), "send_at": now}
        with writing(self.engine) as session:
            stored.forget_canaries(session, before=now - REMEMBERED)
            stored.plan(session, [row], now=now)

    def _call(self, now: datetime) -> None:
        """Call outside for a fresh canary that was accepted, once, while the service does its work."""
        if self.call_outside is None:
            return
        with reading(self.engine) as session:
            newest = stored.newest_canary(session, accepted=True)
        if newest is None or newest.id == self._called_for or now >= newest.accepted_at + self.every:
            return
        if not health.look(self.engine, now=now).reasons and self.call_outside():
            self._called_for = newest.id
