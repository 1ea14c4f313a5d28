"""One worker of ours.

Inside a message ends where every message ends without a transport, in the local outbox: a call that does
nothing. Outside it goes through a channel that leaves the house, to a provider that takes everything at once.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from sqlalchemy.engine import Engine

from db.engine import make_engine
from db.tables import Channel
from service import clock as clocks
from service import litter
from service.channels import Accepted, Answer, Capabilities, Channels, Letter, local
from service.flows import reminders
from tests.bench import seed, stage


class Taker:
    """A provider that takes everything at once."""

    capabilities = Capabilities(honours_key=True)

    def send(self, letter: Letter) -> Answer:
        return Accepted(str(letter.key))

    def look_up(self, key: UUID) -> Answer | None:
        return None


def channels(kind: str) -> Channels:
    return dict(local.channels()) | ({Channel.SMS: Taker()} if kind == "outside" else {})


def clock(engine: Engine) -> Callable[[], datetime]:
    """The workers' own clock, moved to the moment at which the first rungs are due."""
    ticking = clocks.running(engine)
    moved = seed.DUE - ticking()
    return lambda: ticking() + moved


def main(url: str, kind: str = "inside") -> None:
    engine = make_engine(url)
    now, through = clock(engine), channels(kind)
    with litter.seldom_collected():
        stage.run(lambda: reminders.tick(engine, now, through))
    engine.dispose()
