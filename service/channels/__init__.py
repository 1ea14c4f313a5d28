"""One outside sender each, behind one port: `send` answers accepted, rejected or unknown."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from db.tables import Channel as ChannelName


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """What is handed over. `key` is the same over every try: the provider's idempotency key."""

    key: UUID
    attempt: UUID
    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Accepted:
    provider_id: str | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Definitely not taken. Permanent: no later try can succeed."""

    code: str
    permanent: bool


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have been taken: never the same as failed."""

    code: str


Answer = Accepted | Rejected | Unknown


class Channel(Protocol):
    def send(self, letter: Letter) -> Answer: ...


Channels = Mapping[ChannelName, Channel]
