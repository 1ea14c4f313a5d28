"""Mail against a real server in another process: what it says, and what it does not say, is read right."""

import email
import socket
import ssl
import time
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import pytest

from service.channels import Accepted, Rejected, Unknown, webhook
from service.channels import email as channel
from service.channels.email import Email, Server, is_address, rejected, server
from service.flows import reminders
from tests.service.channels.conftest import Peer, letter, peer

FROM = "reminders@clinic.example"


def plain(port: int, **other: Any) -> Email:
    return Email(Server(host="127.0.0.1", port=port, tls="none"), FROM, **other)


@pytest.fixture
def post(mail_server: Peer) -> Email:
    return plain(mail_server.ports[0], connect_seconds=1, total_seconds=3)


def kept(mail_server: Peer, address: str) -> list[EmailMessage]:
    mails = [mail for mail in mail_server.ledger if mail["to"] == [address]]
    return [email.message_from_string(mail["content"], policy=default) for mail in mails]  # type: ignore[misc]


def test_a_mail_says_who_it_is_from_and_has_its_key_as_its_id(post: Email, mail_server: Peer) -> None:
    sent = letter("ada+1@example.org", unsubscribe="https://clinic.example/u/" + "a" * 200)
    assert post.send(sent) == Accepted()
    assert post.send(sent) == Accepted()
    first, again = kept(mail_server, "ada+1@example.org")
    assert first["Message-ID"] == again["Message-ID"] == f"<{sent.key}@clinic.example>"
    assert (first["From"], first["To"]) == ("Elm Street <reminders@clinic.example>", "ada+1@example.org")
    assert first["Auto-Submitted"] == "auto-generated"
    assert first["List-Unsubscribe"] == f"<{sent.unsubscribe}>"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert first["Date"] is not None
    assert first.get_content().strip() == sent.body


def test_a_mail_without_an_unsubscribe_address_promises_none(post: Email, mail_server: Peer) -> None:
    assert post.send(letter("ada+2@example.org")) == Accepted()
    [mail] = kept(mail_server, "ada+2@example.org")
    assert mail["List-Unsubscribe"] is None
    assert mail["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize(
    "body", ["", ".", "..\n.\nend", "Ünïcode — ≥ 3 µg\n", "x" * 5000, "a\r\nb\rc\n.\r\n"]
)
def test_every_text_arrives_as_it_was(post: Email, mail_server: Peer, body: str) -> None:
    address = f"ada+{abs(hash(body))}@example.org"
    assert post.send(letter(address, body=body)) == Accepted()
    [mail] = kept(mail_server, address)
    lines = body.replace("\r\n", "\n").replace("\r", "\n")
    assert mail.get_content().replace("\r\n", "\n").rstrip("\n") == lines.rstrip("\n")


HOSTILE = [
    "a\r\nBcc: eve@example.org",
    "a\nX-Evil: 1",
    "a\r\n\r\nbody",
    "a\x00b",
    "a\u2028b\x85c",
    '"<x@y>',
    "é\r\nß",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["subject", "sender"])
def test_nothing_in_a_name_or_a_subject_begins_a_header(
    post: Email, mail_server: Peer, name: str, text: str
) -> None:
    address = f"ada+{name}{abs(hash(text))}@example.org"
    sent = letter(address, **{name: text})
    assert post.send(sent) == Accepted()
    [mail] = kept(mail_server, address)
    names = ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"]
    assert [
        n for n in mail if n not in ("MIME-Version", "Content-Type", "Content-Transfer-Encoding")
    ] == names
    assert [mailbox.addr_spec for mailbox in mail["From"].addresses] == [FROM]
    assert mail.get_content().strip() == sent.body


@pytest.mark.parametrize(
    "address",
    [
        *("", "ada", "ada@", "@example.org", "a b@example.org", "ada@example.org\r\nRCPT TO:<eve@x>"),
        *("a@x.org>", "<a@x.org", "a@x.org, b@x.org", "a@-x", "a@x..org", "a" * 65 + "@x.org", '"a"@x.org'),
        "ä@x.org",
    ],
)
def test_what_is_no_address_is_never_tried(post: Email, address: str) -> None:
    assert not is_address(address)
    assert post.send(letter(address)) == Rejected("address", permanent=True, bad_address=True)


def test_an_unsubscribe_address_cannot_carry_a_header(post: Email) -> None:
    for link in (
        "https://x.example/\r\nBcc: eve@x",
        "https://x.example/>, <mailto:eve@x",
        "http://x.example/",
    ):
        answer = post.send(letter("ada@example.org", unsubscribe=link))
        assert answer == Rejected("unsubscribe-address", permanent=True)


# the code, the enhanced code, whether it is said of the recipient; permanent, and whether the address is
CODES = [
    (421, "", True, False, False),
    (450, "4.2.1", True, False, False),
    (451, "", False, False, False),
    (452, "4.2.2", True, False, False),
    (455, "", True, False, False),
    (550, "", True, True, True),
    (550, "", False, True, False),
    (550, "5.1.1", True, True, True),
    (550, "5.1.2", True, True, True),
    (550, "5.1.10", True, True, True),
    (550, "5.2.1", True, True, True),
    (550, "5.7.1", True, True, False),
    (550, "5.7.26", True, True, False),
    (550, "5.1.1", False, True, True),
    (551, "", True, True, True),
    (552, "", True, False, False),
    (552, "5.2.2", True, False, False),
    (552, "5.3.4", False, True, False),
    (553, "", True, True, True),
    (553, "5.1.3", True, True, True),
    (554, "", False, True, False),
    (554, "5.7.0", False, True, False),
    (554, "5.4.5", False, False, False),
    (521, "", True, True, False),
    (556, "5.1.10", True, True, True),
]


@pytest.mark.parametrize(("code", "enhanced", "of_recipient", "permanent", "bad"), CODES)
def test_H16_every_code_means_one_thing(
    post: Email, code: int, enhanced: str, of_recipient: bool, permanent: bool, bad: bool
) -> None:
    said = f"{code} {enhanced}".strip()
    read = rejected(code, f"{enhanced} no".encode(), of_recipient=of_recipient)
    assert read == Rejected(said, permanent=permanent, bad_address=bad, down=code == 421)
    if code == 421 or (code == 521 and of_recipient):
        return
    when = "refuse" if of_recipient else "after"
    assert post.send(letter(f"{when}-{said.replace(' ', '-')}@example.org")) == read


def test_the_table_says_something_of_every_code() -> None:
    for code in range(400, 600):
        for of_recipient in (True, False):
            read = rejected(code, b"no", of_recipient=of_recipient)
            assert read.permanent or (code < 500 or code == 552)
            assert not read.bad_address or read.permanent


# ---- what is said, and what is not


@pytest.mark.parametrize(("name", "taken"), [("drop", 0), ("lost", 1), ("hang", 1), ("odd", 1)])
def test_H02_a_text_handed_over_without_an_answer_is_unknown(
    post: Email, mail_server: Peer, name: str, taken: int
) -> None:
    address, begun = f"{name}+{time.monotonic_ns()}@example.org", time.monotonic()
    assert isinstance(post.send(letter(address)), Unknown)
    assert time.monotonic() - begun < 5
    assert len(kept(mail_server, address)) == taken


def test_a_server_that_takes_its_time_is_waited_for(post: Email) -> None:
    assert post.send(letter("slow@example.org")) == Accepted()


def test_nobody_there_is_a_definite_no() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    answer = plain(port).send(letter("ada@example.org"))
    assert answer == Rejected("ConnectionRefusedError", permanent=False, down=True)


def test_a_server_that_never_greets_is_given_up_before_anything_was_said(mail_server: Peer) -> None:
    begun = time.monotonic()
    answer = plain(mail_server.ports[2], connect_seconds=0.5).send(letter("ada@example.org"))
    assert isinstance(answer, Rejected)
    assert not answer.permanent
    assert time.monotonic() - begun < 3


def test_the_whole_takes_no_longer_than_it_may(mail_server: Peer) -> None:
    """Each wait is short enough by itself; together they are too long."""
    begun = time.monotonic()
    answer = plain(mail_server.ports[0], total_seconds=0.7).send(letter("slow@example.org"))
    assert isinstance(answer, Rejected)
    assert time.monotonic() - begun < 1.4


def test_no_call_outlasts_a_third_of_a_lease() -> None:
    for seconds in (channel.TOTAL_SECONDS, webhook.TOTAL_SECONDS):
        assert seconds < reminders.LEASE.total_seconds() / 3


# ---- encryption


def test_smtp_demands_starttls_but_on_this_machine() -> None:
    assert server("smtp://mail.example").tls == "starttls"
    assert server("smtp://mail.example").port == 587
    assert server("smtps://ann:s%40cret@mail.example") == Server(
        host="mail.example", port=465, tls="ssl", user="ann", password="s@cret"
    )
    for name in ("localhost", "127.0.0.1", "[::1]"):
        assert server(f"smtp://{name}:2525").tls == "none"


@pytest.mark.parametrize(
    "url", ["mail.example", "http://mail.example", "smtp://", "smtp://x:port", "smtp://x/y"]
)
def test_what_is_no_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        server(url)


@pytest.mark.parametrize(("tls", "number"), [("starttls", 0), ("ssl", 1)])
def test_an_encrypted_connection_is_to_who_the_certificate_names(
    mail_server: Peer, certificate: Path, tls: Any, number: int
) -> None:
    known = ssl.create_default_context(cafile=certificate)
    address = f"ada+{tls}@example.org"
    for host, context, works in (
        ("localhost", known, True),
        ("127.0.0.1", known, False),
        ("localhost", None, False),
    ):
        there = Server(host=host, port=mail_server.ports[number], tls=tls)
        answer = Email(there, FROM, context=context).send(letter(address))
        refused = Rejected("SSLCertVerificationError", permanent=False, down=True)
        assert answer == (Accepted() if works else refused)
    assert [mail["tls"] for mail in mail_server.ledger if mail["to"] == [address]] == [True]


def test_without_starttls_nothing_is_said_in_the_open(tmp_path: Path) -> None:
    with peer("smtp_server.py", tmp_path / "ledger") as found:
        there = Server(host="localhost", port=found.ports[0], tls="starttls")
        answer = Email(there, FROM).send(letter("ada@example.org"))
        assert answer == Rejected("SMTPNotSupportedError", permanent=False, down=True)
        assert found.ledger == []
