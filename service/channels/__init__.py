"""One outside sender each, behind one port: `send` answers accepted, rejected or unknown.

What is asked of every channel, and held by `tests/service/channels/test_contract.py`: `send` and `look_up`
raise nothing and come back before a third of a lease has passed; a key that is honoured is taken once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, Protocol, TypeAlias
from uuid import UUID

from db.tables import Channel as ChannelName

INSIDE = frozenset({ChannelName.OUTBOX, ChannelName.WORKLIST})


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is handed over. `key` is the same over every try: the provider's idempotency key."""

    key: UUID
    attempt: UUID
    address: str
    subject: str
    body: str
    sender: str
    unsubscribe: str | None = None  # an https address that takes one POST
    begun: float | None = None  # when its time began, by `clock.seconds`: a process may stand still since


@dataclass(frozen=True, slots=True)
class Accepted:
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Definitely not taken. Permanent: no later try can succeed, to this address at all if that is bad.

    Down: the provider takes nothing now, whatever the letter.
    """

    code: str
    permanent: bool
    retry_after: timedelta | None = None
    bad_address: bool = False
    down: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have been taken: never the same as failed."""

    code: str
    down: bool = False


Answer = Accepted | Rejected | Unknown
CANNOT_BE_ASKED = Unknown("cannot-be-asked")


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the provider can do. One that neither honours our key nor can be asked is blind.

    What has a pace or a place has a lane in the database, which every worker keeps to.
    """

    honours_key: bool = False
    can_be_asked: bool = False
    receipts: bool = False
    per_second: float | None = None  # letters, the pace of all workers together
    place: str | None = None  # whose machine it is: another one needs another release


BLIND = Capabilities()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a provider says later about what it took."""

    key: UUID
    state: Literal["delivered", "undelivered"]
    channel: str | None = None  # None where the provider carries one
    code: str | None = None
    bad_address: bool = False


class Channel(Protocol):
    @property
    def capabilities(self) -> Capabilities: ...

    def send(self, letter: Letter) -> Answer: ...

    def look_up(self, key: UUID) -> Answer | None:
        """What became of the letter of that key; None when the provider never got it."""


Channels: TypeAlias = Mapping[ChannelName, Channel]
