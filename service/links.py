"""Addresses that only this service can have made: what a patient's message leads to.

Each is signed for one purpose. Nobody can make one from an id, and one for a purpose is none for another. The
signature is the first half of an HMAC-SHA-256: a text message pays for every sign.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from itsdangerous import BadSignature, Signer
from itsdangerous.signer import HMACAlgorithm

PAGE, CALENDAR, OPENED = "page", "calendar", "opened"
OPEN_FOR = timedelta(minutes=30)
SHORTEST_KEY = 32
SIGNATURE_BYTES = 16


class _Halved(HMACAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:SIGNATURE_BYTES]


class Links:
    """`base` is the public address without a path; of the `keys` the newest, the last, signs."""

    def __init__(self, base: str, keys: Sequence[str]) -> None:
        self.base = base.rstrip("/")
        algorithm = _Halved(hashlib.sha256)
        self._signers = {
            purpose: Signer(list(keys), salt=f"nextcount {purpose}", sep=".", algorithm=algorithm)
            for purpose in (PAGE, CALENDAR, OPENED)
        }

    def page(self, message: UUID) -> str:
        """Where a message leads: one page about its patient, which asks for the birth date."""
        return f"{self.base}/p/{self.token(PAGE, message)}"

    def calendar(self, patient: UUID) -> str:
        return f"{self.base}/c/{self.token(CALENDAR, patient)}.ics"

    def token(self, purpose: str, id_: UUID) -> str:
        return self._signers[purpose].sign(_short(id_.bytes)).decode()

    def read(self, purpose: str, token: str) -> UUID | None:
        """Whose token it is; None when it is none of ours."""
        value = self._value(purpose, token)
        return UUID(bytes=value) if value is not None and len(value) == 16 else None

    def opened(self, message: UUID, *, now: datetime) -> str:
        """That this page has just been opened with the birth date: its forms bring it back."""
        until = int((now + OPEN_FOR).timestamp())
        return self._signers[OPENED].sign(_short(message.bytes + until.to_bytes(8))).decode()

    def is_open(self, token: str, message: UUID, *, now: datetime) -> bool:
        value = self._value(OPENED, token)
        if value is None or len(value) != 24 or value[:16] != message.bytes:
            return False
        return now < datetime.fromtimestamp(int.from_bytes(value[16:]), UTC)

    def _value(self, purpose: str, token: str) -> bytes | None:
        try:
            return _long(self._signers[purpose].unsign(token.encode("ascii", "replace")))
        except (BadSignature, binascii.Error):
            return None


def _short(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _long(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))
