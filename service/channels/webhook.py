"""A signed POST to a gateway of the operator's choice, which takes each Idempotency-Key once, and
remembers it for a day.

    POST URL       {"key", "attempt", "channel", "to", "subject", "text", "sender", "unsubscribe"}
                   2xx {"id"} taken · 400, 413, 422 {"code"} it never will be · 429, 503 later, Retry-After
    GET URL/KEY    200 {"state": "accepted", "id"} or {"state": "rejected", "code"} · 404 it never came
    Receipts       POST /v1/receipts/webhook {"key", "channel", "state": "delivered" or "undelivered", "code"}

`code` "bad-address" means that nothing to this address can succeed. Every request carries Nextcount-Timestamp
and Nextcount-Signature: the HMAC-SHA256 of "TIMESTAMP.BODY", or of "TIMESTAMP.PATH" for a GET. Receipts are
signed the same way with the same secret.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2

from db.tables import Channel as ChannelName
from service import clock
from service.channels import (
    CANNOT_BE_ASKED,
    Accepted,
    Answer,
    Capabilities,
    Letter,
    Rejected,
    Unknown,
    retry_after,
    signed,
)
from service.clock import Clock

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 10.0
MOST_BYTES = 64 * 1024

NEVER = frozenset({400, 406, 410, 413, 414, 415, 422, 431, 451})  # this letter cannot succeed
ODD = frozenset({408, 425, 429})  # later too, but for this letter or for a while: the gateway is not down
LATER = frozenset({401, 402, 403, 404, 405, 407, 408, 421, 425, 426, 429, 503, 505, 507, 511})


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    retry_after: str | None
    content: dict[str, Any]

    def text(self, name: str) -> str | None:
        """What is short and plain enough to be kept."""
        return signed.plain(self.content.get(name))


def is_safe(url: str) -> bool:
    """Encrypted, or on this machine."""
    parts = urlsplit(url)
    near = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return bool(parts.hostname) and (parts.scheme == "https" or (parts.scheme == "http" and near))


class Webhook:
    def __init__(
        self,
        url: str,
        secret: bytes,
        channel: ChannelName,
        *,
        can_be_asked: bool = False,
        per_second: float | None = None,
        place: str | None = None,
        now: Clock = clock.machine,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.capabilities = Capabilities(
            honours_key=True, can_be_asked=can_be_asked, receipts=True, per_second=per_second, place=place
        )
        self._url, self._secret, self._channel = url.rstrip("/"), secret, channel
        self._now, self._total_seconds = now, total_seconds
        self._tls = ssl.create_default_context()

    def send(self, letter: Letter) -> Answer:
        body = json.dumps(_document(letter, self._channel)).encode()
        own = {"Idempotency-Key": str(letter.key), "Content-Type": "application/json"}
        own |= {"Nextcount-Attempt": str(letter.attempt)}
        reply = self._ask("POST", self._url, body, own, begun=letter.begun)
        return answer(reply, now=self._now()) if isinstance(reply, _Reply) else reply

    def look_up(self, key: UUID) -> Answer | None:
        if not self.capabilities.can_be_asked:
            return CANNOT_BE_ASKED
        reply = self._ask("GET", f"{self._url}/{key}", b"", {})
        if not isinstance(reply, _Reply):
            return Unknown(reply.code, down=reply.down)
        return found(reply)

    def _ask(
        self, method: str, url: str, body: bytes, headers: dict[str, str], *, begun: float | None = None
    ) -> _Reply | Rejected | Unknown:
        timestamp = str(int(self._now().timestamp()))
        signature = signed.sign(self._secret, timestamp, body or urlsplit(url).path.encode())
        own = {"Nextcount-Timestamp": timestamp, "Nextcount-Signature": signature}
        own |= {"Accept-Encoding": "identity", "Content-Length": str(len(body))}
        try:
            begun = clock.seconds() if begun is None else begun  # and not once the loop runs
            until = begun + self._total_seconds
            return asyncio.run(self._call(method, url, body, headers | own, until))
        except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.UnsupportedProtocol) as error:
            return Rejected(type(error).__name__, permanent=False, down=True)
        except Exception as error:
            return Unknown(type(error).__name__, down=True)

    async def _call(
        self, method: str, url: str, body: bytes, headers: dict[str, str], until: float
    ) -> _Reply:
        """One exchange within the time; no redirect is followed, for it would carry the letter elsewhere."""
        limits = httpx2.Timeout(self._total_seconds, connect=min(CONNECT_SECONDS, self._total_seconds / 2))
        async with (
            asyncio.timeout_at(until),
            httpx2.AsyncClient(timeout=limits, verify=self._tls, trust_env=False) as client,
            client.stream(method, url, content=_last_look(body, until), headers=headers) as response,
        ):
            content = signed.json_object(await _beginning(response))
            return _Reply(response.status_code, response.headers.get("Retry-After"), content)


async def _last_look(body: bytes, until: float) -> AsyncIterator[bytes]:
    """The body, unless the process stood still until its time was over: without it nothing has arrived."""
    if clock.seconds() >= until:
        raise TimeoutError
    yield body


async def _beginning(response: httpx2.Response) -> bytes:
    """The body, or nothing of one that is too long or breaks off: its status alone was the answer."""
    content = b""
    try:
        async for part in response.aiter_raw():
            content += part
            if len(content) > MOST_BYTES:
                return b""
    except httpx2.HTTPError:
        return b""
    return content


def _document(letter: Letter, channel: ChannelName) -> dict[str, Any]:
    return {
        "key": str(letter.key),
        "attempt": str(letter.attempt),
        "channel": channel.value,
        "to": letter.address,
        "subject": letter.subject,
        "text": letter.body,
        "sender": letter.sender,
        "unsubscribe": letter.unsubscribe,
    }


def answer(reply: _Reply, *, now: datetime) -> Answer:
    """What a status says of a letter. One that no table names is unknown, and so is a failing gateway."""
    if 200 <= reply.status < 300:
        return Accepted(reply.text("id"))
    if reply.status in NEVER:
        return _refused(reply)
    if reply.status in LATER or 300 <= reply.status < 400:
        wait = retry_after.parse(reply.retry_after, now=now)
        down = reply.status not in ODD
        return Rejected(str(reply.status), permanent=False, retry_after=wait, down=down)
    return Unknown(str(reply.status), down=500 <= reply.status < 600)


def found(reply: _Reply) -> Answer | None:
    """What a look-up says; None when the gateway never got the letter."""
    if reply.status == 404:
        return None
    match reply.status, reply.text("state"):
        case 200, "accepted":
            return Accepted(reply.text("id"))
        case 200, "rejected":
            return _refused(reply)
        case _:
            return Unknown(str(reply.status))


def _refused(reply: _Reply) -> Rejected:
    code = reply.text("code")
    bad = code == signed.BAD_ADDRESS or reply.status == 410
    return Rejected(code or str(reply.status), permanent=True, bad_address=bad)
