"""What is done once a night, by each process for itself: who starts begins afresh."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Engine

from service.flows import confirming
from service.flows.second_look import SecondLook

AT = timedelta(hours=2)  # into the day, in UTC: a product choice


@dataclass(slots=True)
class Nightly:
    engine: Engine
    _look: SecondLook = field(init=False)
    _asked: date | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._look = SecondLook(self.engine)

    def tick(self, *, now: datetime, go_on: Callable[[], bool] = lambda: True) -> int:
        """How much was found that a person must look at."""
        night, found = (now - AT).date(), self._look.tick(now=now, go_on=go_on)
        if self._asked != night:
            found += confirming.tick(self.engine, now=now, go_on=go_on)
            self._asked = night
        return found
