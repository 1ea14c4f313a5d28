"""E-mail by SMTP. The provider cannot be asked and honours no key: what is unknown stays unknown.

Until the text is handed over every failure is a definite no; from there on only the server's answer counts.
"""

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Literal
from urllib.parse import unquote, urlsplit
from uuid import UUID

from service import clock
from service.channels import (
    BLIND,
    CANNOT_BE_ASKED,
    Accepted,
    Answer,
    Capabilities,
    Letter,
    Rejected,
    Unknown,
)
from service.clock import Clock

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 15.0  # below a third of a lease
POLICY = SMTP.clone(max_line_length=998)  # a long address in a header is not folded into something else
ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
LINK = re.compile(r"https://[!-;=?-~]+")  # printable, without < and >
ENHANCED = re.compile(rb"\s*([245]\.\d{1,3}\.\d{1,3})\b")
PORTS = {"smtp": 587, "smtps": 465}

Verdict = Literal["retry", "permanent", "bad address"]
ENHANCED_CODES: dict[str, Verdict] = {  # RFC 3463, where it says more than the code before it
    "5.1.1": "bad address",  # no such mailbox
    "5.1.2": "bad address",  # no such domain
    "5.1.3": "bad address",  # not an address
    "5.1.6": "bad address",  # moved, without a new address
    "5.1.10": "bad address",  # a domain that takes no mail
    "5.2.1": "bad address",  # the mailbox is closed
    "5.2.2": "retry",  # full: it may be emptied
    "5.3.1": "retry",  # their disk is full
    "5.4.5": "retry",  # overloaded
    "5.7.0": "permanent",
    "5.7.1": "permanent",  # refused by policy, whatever the address
}
RECIPIENT_CODES: dict[int, Verdict] = {  # where there is no enhanced code
    550: "bad address",
    551: "bad address",
    552: "retry",  # RFC 5321, 4.5.3.1.10
    553: "bad address",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    host: str
    port: int
    tls: Literal["none", "starttls", "ssl"]
    user: str | None = None
    password: str | None = None


def server(url: str) -> Server:
    """smtp:// begins in the open and demands STARTTLS, but on this machine; smtps:// begins encrypted.

    ValueError says what is wrong without repeating the address, for it may hold a password.
    """
    parts = urlsplit(url)
    if parts.scheme not in PORTS or not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise ValueError("write smtp://USER:PASSWORD@HOST:PORT or smtps://…")
    near = parts.hostname in ("localhost", "127.0.0.1", "::1")
    return Server(
        host=parts.hostname,
        port=parts.port or PORTS[parts.scheme],
        tls="ssl" if parts.scheme == "smtps" else "none" if near else "starttls",
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def is_address(text: str) -> bool:
    return ADDRESS.fullmatch(text) is not None and ".." not in text


class _Refused(Exception):
    """The server, or this end, said no before the text was handed over."""

    def __init__(self, answer: Rejected) -> None:
        self.answer = answer


class Email:
    def __init__(
        self,
        server: Server,
        sender: str,
        *,
        can: Capabilities = BLIND,
        now: Clock = clock.machine,
        context: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        self.capabilities = can
        self._server, self._sender, self._now = server, sender, now
        self._context = context or ssl.create_default_context()
        self._connect_seconds, self._total_seconds = connect_seconds, total_seconds

    def send(self, letter: Letter) -> Answer:
        if not is_address(letter.address):
            return Rejected("address", permanent=True, bad_address=True)
        if letter.unsubscribe is not None and not LINK.fullmatch(letter.unsubscribe):
            return Rejected("unsubscribe-address", permanent=True)
        content = message(letter, self._sender, now=self._now).as_bytes(policy=POLICY)
        try:
            with self._connected() as client:
                self._envelope(client, letter.address)
                return _hand_over(client, content)
        except _Refused as refused:
            return refused.answer
        except (OSError, smtplib.SMTPException, ValueError) as error:
            return Rejected(type(error).__name__, permanent=False, down=True)

    def look_up(self, key: UUID) -> Answer | None:
        return CANNOT_BE_ASKED

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A greeted, encrypted, signed-in connection, which is cut when the whole takes too long."""
        client = self._client()
        cut = threading.Timer(self._total_seconds, _cut, [client])
        cut.daemon = True
        cut.start()
        try:
            _want(client.connect(self._server.host, self._server.port), 220)
            self._sign_in(client)
            yield client
        finally:
            cut.cancel()
            client.close()

    def _client(self) -> smtplib.SMTP:
        name = self._sender.partition("@")[2]
        if self._server.tls != "ssl":
            return smtplib.SMTP(local_hostname=name, timeout=self._connect_seconds)
        found = smtplib.SMTP_SSL(local_hostname=name, timeout=self._connect_seconds, context=self._context)
        found._host = self._server.host  # type: ignore[attr-defined]  # what the certificate must name
        return found

    def _sign_in(self, client: smtplib.SMTP) -> None:
        client.ehlo_or_helo_if_needed()
        if self._server.tls == "starttls":
            client._host = self._server.host  # type: ignore[attr-defined]
            client.starttls(context=self._context)
            client.ehlo_or_helo_if_needed()
        if self._server.user is not None:
            client.login(self._server.user, self._server.password or "")

    def _envelope(self, client: smtplib.SMTP, address: str) -> None:
        """Who writes to whom. What is wrong with the sender is ours to put right, so it is tried again."""
        if client.sock is not None:
            client.sock.settimeout(self._total_seconds)
        _want(client.mail(self._sender), 250)
        code, said = client.rcpt(address)
        if code not in (250, 251):
            raise _Refused(rejected(code, said, of_recipient=True))
        code, said = client.docmd("DATA")
        if code != 354:
            raise _Refused(rejected(code, said))


def _cut(client: smtplib.SMTP) -> None:
    """End every wait on the connection. One that is not there yet has its own, shorter limit."""
    if client.sock is not None:
        with suppress(OSError):
            client.sock.shutdown(socket.SHUT_RDWR)


def _want(answer: tuple[int, bytes], code: int) -> None:
    if answer[0] != code:
        raise _Refused(Rejected(str(answer[0]), permanent=False, down=True))


def _hand_over(client: smtplib.SMTP, content: bytes) -> Answer:
    """From the first byte on nothing but the server's answer is an answer."""
    lines = re.sub(rb"(?m)^\.", b"..", content)
    try:
        client.send(lines + (b"" if lines.endswith(b"\r\n") else b"\r\n") + b".\r\n")
        code, said = client.getreply()
    except Exception as error:
        return Unknown(type(error).__name__, down=True)
    if 200 <= code < 300:
        with suppress(OSError, smtplib.SMTPException):
            client.docmd("QUIT")
        return Accepted()
    return rejected(code, said) if 400 <= code < 600 else Unknown(str(code))


def rejected(code: int, said: bytes, *, of_recipient: bool = False) -> Rejected:
    """What a refusal means: 4xx is tried again, 5xx is not, and the enhanced code knows better."""
    found = ENHANCED.match(said)
    enhanced = found[1].decode() if found else None
    verdict: Verdict = "permanent" if 500 <= code < 600 else "retry"
    if verdict == "permanent" and enhanced is not None:
        verdict = ENHANCED_CODES.get(enhanced, verdict)
    elif verdict == "permanent" and of_recipient:
        verdict = RECIPIENT_CODES.get(code, verdict)
    return Rejected(
        f"{code} {enhanced}" if enhanced else str(code),
        permanent=verdict != "retry",
        bad_address=verdict == "bad address",
        down=code == 421,  # the service is closing
    )


def message(letter: Letter, sender: str, *, now: Clock) -> EmailMessage:
    """The letter as a mail. Its Message-ID is the key, the same over every try."""
    found = EmailMessage(policy=POLICY)
    found["From"] = Address(_one_line(letter.sender), addr_spec=sender)
    found["To"] = Address(addr_spec=letter.address)
    found["Subject"] = _one_line(letter.subject)
    found["Date"] = now()
    found["Message-ID"] = f"<{letter.key}@{sender.partition('@')[2]}>"
    found["Auto-Submitted"] = "auto-generated"
    if letter.unsubscribe is not None:
        found["List-Unsubscribe"] = f"<{letter.unsubscribe}>"
        found["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    found.set_content(letter.body.encode("utf-8", "replace").decode(), cte="quoted-printable")
    return found


def _one_line(text: str) -> str:
    """Without line ends and control characters: nothing in a name or a subject can begin a header."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
