"""What every channel promises, whatever is at its other end."""

import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from db.tables import Channel as ChannelName
from db.types import new_id
from service.channels import CANNOT_BE_ASKED, Accepted, Capabilities, Channel, Rejected, Unknown, local
from service.channels.email import Email, Server
from service.channels.webhook import Webhook
from tests.service.channels.conftest import SECRET, Peer, letter

KINDS = ["outbox", "worklist", "e-mail", "webhook", "webhook that can be asked"]
OUTSIDE = KINDS[2:]
FROM = "reminders@clinic.example"


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        return int(bound.getsockname()[1])


@dataclass(frozen=True)
class Given:
    """A channel, the addresses at which its provider takes, refuses and hangs, and what it took by key."""

    channel: Channel
    took: Callable[[Any], int]
    addresses: dict[str, str]
    nobody: Channel | None = None


@pytest.fixture
def mail(mail_server: Peer) -> Given:
    def channel(port: int) -> Email:
        there = Server(host="127.0.0.1", port=port, tls="none")
        return Email(there, FROM, connect_seconds=1, total_seconds=1)

    return Given(
        channel=channel(mail_server.ports[0]),
        nobody=channel(closed_port()),
        took=lambda key: sum(str(key) in mail["content"] for mail in mail_server.ledger),
        addresses={
            "takes": "ok@example.org",
            "bad address": "refuse-550-5.1.1@example.org",
            "never": "after-554-5.7.1@example.org",
            "later": "after-451@example.org",
            "hangs": "hang@example.org",
            "breaks off": "lost@example.org",
        },
    )


def of_gateway(gateway: Peer, *, asked: bool) -> Given:
    def channel(port: int) -> Webhook:
        url = f"http://127.0.0.1:{port}/"
        return Webhook(url, SECRET, ChannelName.SMS, can_be_asked=asked, total_seconds=1)

    return Given(
        channel=channel(gateway.ports[0]),
        nobody=channel(closed_port()),
        took=lambda key: sum(str(key) in e.get("body", "") and e["new"] for e in gateway.ledger),
        addresses={
            "takes": "ok",
            "bad address": "status 422 - bad-address",
            "never": "status 400",
            "later": "status 503",
            "hangs": "hang",
            "breaks off": "drop",
        },
    )


@pytest.fixture
def given(request: pytest.FixtureRequest, mail: Given, gateway: Peer) -> Given:
    inside = {"outbox": ChannelName.OUTBOX, "worklist": ChannelName.WORKLIST}
    if request.param in inside:
        channel = local.channels()[inside[request.param]]
        return Given(channel=channel, took=lambda key: 1, addresses={"takes": ""})
    if request.param == "e-mail":
        return mail
    return of_gateway(gateway, asked=request.param.endswith("asked"))


every = pytest.mark.parametrize("given", KINDS, indirect=True)
outside = pytest.mark.parametrize("given", OUTSIDE, indirect=True)


@every
def test_it_takes_a_letter(given: Given) -> None:
    sent = letter(given.addresses["takes"])
    assert isinstance(given.channel.send(sent), Accepted)
    assert given.took(sent.key) == 1


@every
def test_it_says_what_it_can_do(given: Given) -> None:
    assert isinstance(given.channel.capabilities, Capabilities)
    assert given.channel.capabilities == given.channel.capabilities


@every
def test_a_key_that_is_honoured_is_taken_once(given: Given) -> None:
    sent = letter(given.addresses["takes"])
    answers = [given.channel.send(sent) for _ in range(3)]
    assert all(isinstance(answer, Accepted) for answer in answers)
    honoured = given.channel.capabilities.honours_key
    assert given.took(sent.key) == (1 if honoured else 3)
    assert len(set(answers)) == 1


@every
def test_one_that_can_be_asked_knows_what_it_took(given: Given) -> None:
    sent, never = letter(given.addresses["takes"]), new_id()
    accepted = given.channel.send(sent)
    asked = given.channel.capabilities.can_be_asked
    assert given.channel.look_up(sent.key) == (accepted if asked else CANNOT_BE_ASKED)
    assert given.channel.look_up(never) == (None if asked else CANNOT_BE_ASKED)


HOSTILE = ["", "\x00", "a\r\nB: c", "\r\n.\r\nQUIT\r\n", "é" * 3000, "\u2028\u202e", "{}<>&;`$(x)", "\ud800"]


@every
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", ["subject", "body", "sender", "address", "unsubscribe"])
def test_no_text_makes_it_raise(given: Given, name: str, text: str) -> None:
    sent = letter(**{"address": given.addresses["takes"], name: text})
    assert isinstance(given.channel.send(sent), Accepted | Rejected | Unknown)


@outside
@pytest.mark.parametrize(
    ("word", "permanent", "bad"),
    [("bad address", True, True), ("never", True, False), ("later", False, False)],
)
def test_a_refusal_says_whether_to_try_again(given: Given, word: str, permanent: bool, bad: bool) -> None:
    sent = letter(given.addresses[word])
    answer = given.channel.send(sent)
    assert isinstance(answer, Rejected)
    assert (answer.permanent, answer.bad_address) == (permanent, bad)
    assert given.took(sent.key) == 0


@outside
@pytest.mark.parametrize("word", ["hangs", "breaks off"])
def test_H02_what_was_taken_without_an_answer_is_unknown(given: Given, word: str) -> None:
    sent, begun = letter(given.addresses[word]), time.monotonic()
    assert isinstance(given.channel.send(sent), Unknown)
    assert time.monotonic() - begun < 4
    assert given.took(sent.key) == 1
    if given.channel.capabilities.can_be_asked:
        assert isinstance(given.channel.look_up(sent.key), Accepted)


@outside
def test_with_nobody_there_it_was_not_taken_and_may_be_tried_again(given: Given) -> None:
    assert given.nobody is not None
    answer = given.nobody.send(letter(given.addresses["takes"]))
    assert isinstance(answer, Rejected)
    assert not answer.permanent
    assert given.nobody.look_up(new_id()) in (CANNOT_BE_ASKED, Unknown("ConnectError", down=True))
