"""A mail server in a process of its own, with a ledger: `python smtp_server.py LEDGER [CERTIFICATE]`.

What it does with a mail is in the recipient's name, before the +: `refuse-550-5.1.1`, `after-452`, `drop`, ….
"""

import asyncio
import json
import ssl
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, syntax

LEDGER = Path(sys.argv[1])
USER, PASSWORD = b"ann", b"s@cret: /?#"


def words(recipient: str) -> list[str]:
    return recipient.partition("@")[0].partition("+")[0].split("-")


class Handler:
    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        match words(address):
            case ["refuse", *code]:
                return " ".join([*code, "no"])
            case ["slow"]:
                await asyncio.sleep(1.5)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        match words(envelope.rcpt_tos[0]):
            case ["after", *code]:
                return " ".join([*code, "no"])
        mail = {
            "to": envelope.rcpt_tos,
            "from": envelope.mail_from,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "signed_in": session.authenticated is True,
        }
        with LEDGER.open("a") as file:
            file.write(json.dumps(mail | {"content": envelope.content.decode("latin-1")}) + "\n")
        match words(envelope.rcpt_tos[0]):
            case ["hang"]:
                await asyncio.sleep(60)
            case ["lost"]:
                server.transport.abort()
            case ["odd"]:
                return "354 go on"
        return "250 2.0.0 taken"


class Server(SMTP):
    @syntax("DATA")
    async def smtp_DATA(self, argument: str) -> None:
        if words(self.envelope.rcpt_tos[0])[0] == "drop":
            await self.push("354 go on")
            await self._reader.read(20)
            self.transport.abort()
            return
        await super().smtp_DATA(argument)


def signed_in(server: Any, session: Any, envelope: Any, mechanism: str, given: LoginPassword) -> AuthResult:
    return AuthResult(success=(given.login, given.password) == (USER, PASSWORD), handled=False)


async def main() -> None:
    loop, tls = asyncio.get_running_loop(), None
    if len(sys.argv) > 2:
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(sys.argv[2])
    plain = await loop.create_server(lambda: Server(Handler(), tls_context=tls), "127.0.0.1", 0)
    wrapped = await loop.create_server(lambda: Server(Handler()), "127.0.0.1", 0, ssl=tls)
    silent = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    asks: dict[str, Any] = {"authenticator": signed_in, "auth_required": True}
    guarded = await loop.create_server(lambda: Server(Handler(), tls_context=tls, **asks), "127.0.0.1", 0)
    inside = asks | {"auth_require_tls": False}  # it does not see that the whole connection is encrypted
    both = await loop.create_server(lambda: Server(Handler(), **inside), "127.0.0.1", 0, ssl=tls)
    servers = (plain, wrapped, silent, guarded, both)
    ports = [server.sockets[0].getsockname()[1] for server in servers]
    print(*ports, flush=True)  # noqa: T201
    await asyncio.Event().wait()


asyncio.run(main())
