"""Mail by a server that takes nothing without a user and a password."""

import ssl
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from service.channels import Accepted, Rejected
from service.channels.email import Email, Server, server
from tests.service.channels.conftest import Peer, letter

FROM = "reminders@clinic.example"
PASSWORD = "s@cret: /?#"  # of the server in smtp_server.py


@pytest.fixture(params=["starttls", "ssl"])
def there(mail_server: Peer, request: pytest.FixtureRequest) -> Server:
    """Both ways to encrypt, from an address as it is configured."""
    port = mail_server.ports[3 if request.param == "starttls" else 4]
    configured = server(f"smtps://ann:{quote(PASSWORD, safe='')}@localhost:{port}")
    return replace(configured, tls=request.param)


def post(there: Server, certificate: Path) -> Email:
    return Email(there, FROM, context=ssl.create_default_context(cafile=str(certificate)))


def taken(mail_server: Peer, address: str) -> list[tuple[bool, bool]]:
    return [(mail["tls"], mail["signed_in"]) for mail in mail_server.ledger if mail["to"] == [address]]


def test_a_mail_is_signed_in_for_once_the_connection_is_encrypted(
    there: Server, mail_server: Peer, certificate: Path
) -> None:
    address = f"ada+password-{there.tls}@example.org"
    assert post(there, certificate).send(letter(address)) == Accepted()
    assert taken(mail_server, address) == [(True, True)]


@pytest.mark.parametrize(("user", "password"), [("ann", "guessed"), ("ann", None), ("bob", PASSWORD)])
def test_a_wrong_password_is_tried_again_and_never_told(
    there: Server, mail_server: Peer, certificate: Path, user: str, password: str | None
) -> None:
    address = f"ada+wrong-{there.tls}@example.org"
    answer = post(replace(there, user=user, password=password), certificate).send(letter(address))
    assert answer == Rejected("SMTPAuthenticationError", permanent=False, down=True)
    assert taken(mail_server, address) == []


def test_without_a_user_such_a_server_takes_nothing(
    there: Server, mail_server: Peer, certificate: Path
) -> None:
    address = f"ada+nobody-{there.tls}@example.org"
    answer = post(replace(there, user=None, password=None), certificate).send(letter(address))
    assert isinstance(answer, Rejected)
    assert not answer.permanent
    assert taken(mail_server, address) == []
