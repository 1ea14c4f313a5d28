"""What the stories of alarms, digests and canaries share: staff who are mailed, and their mailbox."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from db import clinics, work_items
from db.engine import writing
from db.tables import Channel
from service.channels import BLIND, CANNOT_BE_ASKED, Accepted, Answer, Capabilities, Letter, local
from service.clock import WoundClock
from service.flows import reminders, staff
from service.flows.notices import Manner
from service.flows.watchdog import Watchdog
from tests.stories.conftest import Practice

DESK, DOCTOR = "desk@elm.example", "doctor@elm.example"
MANNER = Manner(public_url="https://nextcount.example")
_numbers: Iterator[int] = count()


class Mailbox:
    """A transport that answers what a test wants, and else takes everything."""

    def __init__(self, clock: WoundClock, can: Capabilities = BLIND) -> None:
        self.capabilities, self._clock = can, clock
        self.letters: list[tuple[datetime, Letter]] = []
        self.answers: Callable[[Letter], Answer] = lambda letter: Accepted()

    def send(self, letter: Letter) -> Answer:
        answer = self.answers(letter)
        if isinstance(answer, Accepted):
            self.letters.append((self._clock(), letter))
        return answer

    def look_up(self, key: UUID) -> Answer | None:
        return CANNOT_BE_ASKED

    def to(self, address: str) -> list[datetime]:
        return [at for at, letter in self.letters if letter.address == address]


def mailed(practice: Practice, *addresses: str) -> Mailbox:
    """A transport for e-mail, and staff who get everything."""
    box = Mailbox(practice.clock)
    practice.channels = dict(local.channels()) | {Channel.EMAIL: box}
    for address in addresses:
        put(practice, address)
    return box


def put(practice: Practice, address: str, *, digest: bool = True, alarms: bool = True) -> None:
    with writing(practice.engine) as session:
        clinic = clinics.get(session, practice.clinic_id)
        assert clinic is not None
        given = {"digest": digest, "alarms": alarms, "by": "Kim Invented", "now": practice.clock()}
        staff.put(session, clinic, address, **given)


def remove(practice: Practice, address: str) -> None:
    with writing(practice.engine) as session:
        clinic = clinics.get(session, practice.clinic_id)
        assert clinic is not None
        staff.remove(session, clinic, address, by="Kim Invented", now=practice.clock())


def red(practice: Practice, *keys: str, level: str = "same-day", **columns: Any) -> None:
    """Work items that are opened now."""
    now = practice.clock()
    plain = {"clinic_id": practice.clinic_id, "kind": "limit", "role": "prescriber", "due_by": now}
    rows = [plain | columns | {"level": level, "key": key} for key in keys or (f"test/{next(_numbers)}",)]
    with writing(practice.engine) as session:
        work_items.raise_(session, rows, now=now)


def watchdog(practice: Practice, **columns: Any) -> Watchdog:
    given = {"engine": practice.engine, "clock": practice.clock, "channels": practice.channels}
    return Watchdog(**given | {"manner": MANNER} | columns)


def send(practice: Practice) -> None:
    reminders.tick(practice.engine, practice.clock, practice.channels, manner=MANNER)


def live(
    practice: Practice,
    until: datetime,
    *,
    watch: Watchdog | None = None,
    step: timedelta = timedelta(minutes=5),
) -> None:
    """The watchdog and the sending loop tick."""
    watch = watch or watchdog(practice, every=timedelta(days=1))
    while practice.clock() < until:
        watch.tick()
        send(practice)
        practice.clock.wind(min(practice.clock() + step, until))
