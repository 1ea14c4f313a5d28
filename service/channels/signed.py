"""What a gateway and we sign with one secret, and the receipts that it signs. Pure: the web reads it."""

import hashlib
import hmac
import json
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from db.tables import Channel as ChannelName
from service.channels import Receipt

FRESH = timedelta(minutes=5)  # how old, or how far ahead, a receipt's timestamp may be
BAD_ADDRESS = "bad-address"


@dataclass(frozen=True, slots=True)
class Gateway:
    """Who signs receipts, and what it carries."""

    secret: bytes = field(repr=False)
    carries: tuple[ChannelName, ...]

    def channel(self, name: str | None) -> ChannelName | None:
        """The one that a receipt names, or need not name."""
        if name is None:
            return self.carries[0] if len(self.carries) == 1 else None
        return next((channel for channel in self.carries if channel.value == name), None)


def sign(secret: bytes, timestamp: str, content: bytes) -> str:
    return hmac.new(secret, timestamp.encode() + b"." + content, hashlib.sha256).hexdigest()


def plain(found: object) -> str | None:
    """What is short and plain enough to be kept."""
    if not isinstance(found, str):
        return None
    return found if found.isascii() and found.isprintable() and len(found) <= 200 else None


def json_object(content: bytes) -> dict[str, Any]:
    """The object that these bytes are, or an empty one."""
    try:
        read = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return read if isinstance(read, dict) else {}


def parse_receipt(
    body: bytes, *, timestamp: str, signature: str, secret: bytes, now: datetime
) -> Receipt | None:
    """A receipt that the gateway signed in the last minutes; None for everything else."""
    age = now.timestamp() - int(timestamp) if timestamp.isdecimal() and len(timestamp) < 12 else None
    if age is None or abs(age) > FRESH.total_seconds():
        return None
    if not hmac.compare_digest(sign(secret, timestamp, body).encode(), signature.encode()):
        return None
    said = json_object(body)
    state: Any = said.get("state")
    code = plain(said.get("code"))
    try:
        key = UUID(plain(said.get("key")) or "")
    except ValueError:
        return None
    if state not in ("delivered", "undelivered"):
        return None
    return Receipt(
        key=key, state=state, channel=plain(said.get("channel")), code=code, bad_address=code == BAD_ADDRESS
    )
