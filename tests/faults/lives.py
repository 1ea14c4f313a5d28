"""Lives: workers that are processes of their own, forked by a server that has the application imported."""

import asyncio
import json
import logging
import mmap
import multiprocessing
import os
import random
import signal
import struct
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.engine import Engine

from db import batches, invariants
from db.engine import make_engine, reading
from db.tables import Channel, Message
from service import clock as clocks
from service import messages as wording
from service import worker
from service.channels import Capabilities, Channels, local
from service.channels.webhook import Webhook
from service.flows import reminders, settling, upkeep
from tests.faults import steps

NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)  # when the reminders of a scene are due: 09:00 in New York
QUIET = NINE + timedelta(hours=6)  # the next rung is a day later
IN_THE_HOUSE = "house"  # no provider: what is said stays in the outbox
KINDS = {
    "key": Capabilities(honours_key=True),
    "asked": Capabilities(can_be_asked=True),
    "blind": Capabilities(),
}
MET, ENDED, BROKEN = 42, 0, 3  # exit codes
PATIENCE = 60.0  # real seconds for a process to do what it should
BEHIND = 2.0  # seconds that a provider may take

SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["tests.faults.lives"])


class SharedClock:
    """A clock in a file that every process of a scene reads: it stands still until it is wound."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            path.write_bytes(struct.pack("d", 0.0))
        with path.open("r+b") as file:
            self._memory = mmap.mmap(file.fileno(), 8)

    @property
    def wound(self) -> float:
        """By how many seconds."""
        return float(struct.unpack("d", self._memory)[0])

    def __call__(self) -> datetime:
        return NINE + timedelta(seconds=self.wound)

    def wind(self, by: timedelta) -> None:
        self._memory[:] = struct.pack("d", self.wound + by.total_seconds())


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Where lives are led: a database, a clock, and a provider of a kind with a ledger for it."""

    url: str
    clock: Path
    provider: int  # its port
    ledger: Path
    kind: str

    @property
    def letters(self) -> list[str]:
        return self.ledger.read_text().splitlines() if self.ledger.exists() else []


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One process: it works until nothing is due, or nothing to come. Its fate waits at a step."""

    world: World
    step: str | None = None
    fate: str | None = None
    to_the_end: bool = False
    may_fail: bool = False  # once, for what it needs is locked by who stands still
    stubborn: bool = False  # a tick that fails is tried again, as the loops do
    batch: int | None = None
    change: Callable[[], None] | None = None  # of the process, before it begins
    ready: Connection | None = None  # told when the loops begin


def begin(life: Life) -> Any:
    process = SERVER.Process(target=live, args=(life,), daemon=True)
    process.start()
    return process


def end(process: Any) -> int:
    """The exit code; minus the signal for who was killed."""
    process.join(PATIENCE)
    code: int | None = process.exitcode
    if code is None:
        process.kill()
        process.join()
        return BROKEN
    return code


def lead(life: Life) -> int:
    return end(begin(life))


def let_arrive(world: World) -> None:
    """What has left a worker reaches the provider, for which no minute passes when the clock is wound."""
    until = time.monotonic() + 2 * BEHIND
    letters = 1
    while letters and time.monotonic() < until:
        time.sleep(0.05)
        with urllib.request.urlopen(f"http://127.0.0.1:{world.provider}/arriving") as answer:
            letters = json.load(answer)["letters"]


def wait_until_stopped(process: Any) -> bool:
    """Whether a signal stopped it; False when it came to its end before."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        try:
            state = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return False
        if state in "TZ":
            return state == "T"
        time.sleep(0.002)
    return False


# ---- in the life's own process


def live(life: Life) -> None:
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    logging.disable()
    clock = SharedClock(life.world.clock)
    _wind_all_clocks(clock)
    engine = make_engine(life.world.url)
    fate = steps.Fate(engine, life.step, life.fate)
    steps.arm(fate.reach)
    if life.change is not None:
        life.change()
    if life.batch is not None:
        reminders.BATCH = settling.SLICE = life.batch
    turn, channels = worker.turn(engine), _channels(life)
    if life.ready is not None:
        life.ready.send(None)
    if turn.ours():
        with suppress(*([sa.exc.DBAPIError] if life.may_fail or life.fate == "cut" else [])):
            _tick(engine, clock, channels, stubborn=life.stubborn)
        if life.fate == "cut":
            _tick(engine, clock, channels)
        if life.to_the_end:
            _to_the_end(engine, clock, channels)
    engine.dispose()
    sys.exit(MET if fate.met else ENDED)


def dies_of_poison() -> None:
    """Writing one patient's text ends the process."""
    whole = wording.render

    def render(*given: Any, **more: Any) -> wording.Text:
        if more["wording"] == "blood-test":
            os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(PATIENCE)
        return whole(*given, **more)

    wording.render = render


def _wind_all_clocks(clock: SharedClock) -> None:
    """What measures time goes on by itself, and as far again as the clock is wound."""

    def seconds(*_: object) -> float:
        return time.monotonic() + clock.wound

    clocks.seconds = seconds
    asyncio.BaseEventLoop.time = seconds  # type: ignore[method-assign]


def _channels(life: Life) -> Channels:
    if life.world.kind == IN_THE_HOUSE:
        return local.channels()
    moment = life.step if life.step in steps.AT_THE_PROVIDER else "never"
    signal_ = steps.SIGNALS[life.fate or "kill"].value
    path = f"{life.world.ledger.name}/{life.world.kind}/{moment}/{os.getpid()}/{signal_}"
    url = f"http://127.0.0.1:{life.world.provider}/{path}"
    webhook = Webhook(url, b"secret", Channel.SMS, total_seconds=BEHIND)
    webhook.capabilities = KINDS[life.world.kind]
    return dict(local.channels()) | {Channel.SMS: webhook}


def _tick(engine: Engine, clock: SharedClock, channels: Channels, *, stubborn: bool = False) -> None:
    while True:
        try:
            upkeep.tick(engine, clock)
            reminders.tick(engine, clock, channels)
            return
        except sa.exc.DBAPIError:
            if not stubborn:
                raise
            time.sleep(0.05)


def _to_the_end(engine: Engine, clock: SharedClock, channels: Channels) -> None:
    """Wind the clock to whatever is next until nothing is; the invariants hold at every moment."""
    while (at := next_moment(engine)) is not None and at < QUIET:
        clock.wind(max(at - clock(), timedelta(seconds=1)))
        _tick(engine, clock, channels)
        with reading(engine) as session:
            if broken := invariants.broken(session):
                sys.exit(f"at {clock()}: {broken}")


def next_moment(engine: Engine) -> datetime | None:
    """When a message is due, or in somebody's hands, or in doubt."""
    table = batches.table(Message)
    waiting = sa.select(sa.func.min(table.c.send_at)).where(table.c.state == "waiting")
    held = sa.select(sa.func.min(table.c.lease_until)).where(table.c.state.in_(("claimed", "unknown")))
    with reading(engine) as session:
        found = [at for at in (session.scalar(waiting), session.scalar(held)) if at is not None]
    return min(found, default=None)


def random_delay(luck: random.Random, longest: float) -> float:
    """Most of a life's work is done early: half of the moments are in its first fifth."""
    return luck.uniform(0, longest / 5) if luck.random() < 0.5 else luck.uniform(0, longest)


def go_on(process: Any) -> None:
    os.kill(process.pid, signal.SIGCONT)
