"""The webhook against a real gateway in another process: one key is taken once, and no answer is not a no."""

import hashlib
import hmac
import itertools
import json
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from db.tables import Channel
from db.types import new_id
from service.channels import Accepted, Receipt, Rejected, Unknown, signed, webhook
from service.channels.webhook import Webhook
from tests.service.channels.conftest import SECRET, Peer, letter

NOW = datetime(2026, 1, 11, 14, tzinfo=UTC)


def hook(gateway: Peer, path: str = "/", *, seconds: float = 2, asked: bool = True) -> Webhook:
    url = f"http://127.0.0.1:{gateway.ports[0]}{path}"
    return Webhook(url, SECRET, Channel.SMS, can_be_asked=asked, now=lambda: NOW, total_seconds=seconds)


def test_a_letter_is_signed_with_its_key_and_its_attempt(gateway: Peer) -> None:
    sent = letter("ok", subject="Test é", unsubscribe="https://clinic.example/u/1")
    assert isinstance(hook(gateway).send(sent), Accepted)
    entry = gateway.ledger[-1]
    headers = {name.lower(): value for name, value in entry["headers"].items()}
    assert json.loads(entry["body"]) == {
        "key": str(sent.key),
        "attempt": str(sent.attempt),
        "channel": "sms",
        "to": "ok",
        "subject": "Test é",
        "text": sent.body,
        "sender": "Elm Street",
        "unsubscribe": "https://clinic.example/u/1",
    }
    assert headers["idempotency-key"] == str(sent.key)
    assert headers["nextcount-attempt"] == str(sent.attempt)
    signed = f"{int(NOW.timestamp())}.{entry['body']}".encode()
    assert headers["nextcount-timestamp"] == str(int(NOW.timestamp()))
    assert headers["nextcount-signature"] == hmac.new(SECRET, signed, hashlib.sha256).hexdigest()
    assert SECRET.decode() not in json.dumps(entry)


@pytest.mark.parametrize("address", ["hang", "drop", "trickle"])
def test_H02_no_answer_is_unknown_and_the_same_key_is_taken_once(gateway: Peer, address: str) -> None:
    sent, begun = letter(address), time.monotonic()
    channel = hook(gateway, seconds=1)
    assert isinstance(channel.send(sent), Unknown)
    assert time.monotonic() - begun < 3
    assert isinstance(channel.send(sent), Unknown)
    mine = [e for e in gateway.ledger if str(sent.key) in e.get("body", "")]
    assert [entry["new"] for entry in mine] == [True, False]
    assert isinstance(channel.look_up(sent.key), Accepted)


def test_H01_a_process_that_stood_still_after_it_connected_sends_nothing(
    gateway: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, moments = letter("ok"), itertools.chain([0.0], itertools.repeat(61.0))
    monkeypatch.setattr(webhook.clock, "seconds", lambda: next(moments) + time.monotonic())
    assert hook(gateway).send(sent) == Unknown("TimeoutError", down=True)
    assert not any(str(sent.key) in entry.get("body", "") for entry in gateway.ledger)
    assert hook(gateway).look_up(sent.key) is None


@pytest.mark.parametrize("address", ["half", "big", "words"])
def test_an_acceptance_counts_whatever_follows_it(gateway: Peer, address: str) -> None:
    assert hook(gateway).send(letter(address)) == Accepted(None)


def test_a_redirect_is_not_followed(gateway: Peer) -> None:
    sent = letter("redirect")
    assert hook(gateway).send(sent) == Rejected("307", permanent=False, down=True)
    assert len([e for e in gateway.ledger if str(sent.key) in e.get("body", "")]) == 1


def test_nobody_there_is_a_definite_no() -> None:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port = bound.getsockname()[1]
    answer = Webhook(f"http://127.0.0.1:{port}", SECRET, Channel.SMS).send(letter("ok"))
    assert answer == Rejected("ConnectError", permanent=False, down=True)


STATUSES = {
    "taken": [200, 201, 202, 204],
    "never": [400, 406, 410, 413, 414, 415, 422, 431, 451],
    "later": [301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407, 408, 421, 425, 426, 429, 503, 505, 507],
    "unknown": [409, 418, 500, 501, 502, 504, 508, 520, 599],
}


@pytest.mark.parametrize(("means", "status"), [(m, s) for m, found in STATUSES.items() for s in found])
def test_H16_every_status_means_one_thing(gateway: Peer, means: str, status: int) -> None:
    expected = {
        "taken": Accepted(None),
        "never": Rejected(str(status), permanent=True, bad_address=status == 410),
        "later": Rejected(str(status), permanent=False, down=status not in (408, 425, 429)),
        "unknown": Unknown(str(status), down=status >= 500),
    }[means]
    assert hook(gateway).send(letter(f"status {status}")) == expected


def test_a_bad_address_is_said_by_its_code(gateway: Peer) -> None:
    answer = hook(gateway).send(letter("status 422 - bad-address"))
    assert answer == Rejected("bad-address", permanent=True, bad_address=True)
    assert hook(gateway).send(letter("status 422 - spam")) == Rejected("spam", permanent=True)


def test_H12_what_the_gateway_asks_us_to_wait_is_part_of_the_answer(gateway: Peer) -> None:
    for code in (429, 503):
        answer = hook(gateway).send(letter(f"status {code} 7"))
        assert answer == Rejected(
            str(code), permanent=False, retry_after=timedelta(seconds=7), down=code == 503
        )


# ---- looking up


def test_what_was_never_sent_is_not_there(gateway: Peer) -> None:
    assert hook(gateway).look_up(new_id()) is None


def test_a_look_up_is_signed_over_its_path(gateway: Peer) -> None:
    key = new_id()
    hook(gateway, "/asked/").look_up(key)
    headers = {name.lower(): value for name, value in gateway.ledger[-1]["headers"].items()}
    assert gateway.ledger[-1]["path"] == f"/asked/{key}"
    signed = f"{int(NOW.timestamp())}./asked/{key}".encode()
    assert headers["nextcount-signature"] == hmac.new(SECRET, signed, hashlib.sha256).hexdigest()


@pytest.mark.parametrize("path", ["/slow/", "/ill/"])
def test_a_look_up_that_fails_says_nothing(gateway: Peer, path: str) -> None:
    assert isinstance(hook(gateway, path, seconds=0.5).look_up(new_id()), Unknown)


def test_a_look_up_can_say_that_it_was_refused(gateway: Peer) -> None:
    answer = hook(gateway, "/refused/").look_up(new_id())
    assert answer == Rejected("bad-address", permanent=True, bad_address=True)


# ---- receipts


def receipt(body: bytes, *, at: datetime = NOW, secret: bytes = SECRET, **other: str) -> Receipt | None:
    timestamp = str(int(at.timestamp()))
    given = {"timestamp": timestamp, "signature": signed.sign(secret, timestamp, body)} | other
    return signed.parse_receipt(body, secret=SECRET, now=NOW, **given)


def test_a_receipt_is_read_when_the_gateway_signed_it() -> None:
    key = new_id()
    body = json.dumps({"key": str(key), "state": "delivered"}).encode()
    assert receipt(body) == Receipt(key=key, state="delivered")
    gone = json.dumps({"key": str(key), "state": "undelivered", "code": "bad-address"}).encode()
    assert receipt(gone) == Receipt(key=key, state="undelivered", code="bad-address", bad_address=True)


def test_a_receipt_that_is_forged_old_or_nonsense_is_none() -> None:
    body = json.dumps({"key": str(new_id()), "state": "delivered"}).encode()
    edge = timedelta(minutes=5)
    assert receipt(body, at=NOW - edge) is not None
    assert receipt(body, at=NOW + edge) is not None
    for wrong in (
        receipt(body, at=NOW - edge - timedelta(seconds=1)),
        receipt(body, at=NOW + edge + timedelta(seconds=1)),
        receipt(body, secret=b"another"),
        receipt(body, signature="é"),
        receipt(body, timestamp="now"),
        receipt(body, timestamp="9" * 5000),
        *(receipt(text) for text in (b"", b"[]", b"{}", b"\xff", b'{"key": 1, "state": "delivered"}')),
        receipt(json.dumps({"key": str(new_id()), "state": "eaten"}).encode()),
    ):
        assert wrong is None


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://gateway.example/send", True),
        ("http://127.0.0.1:8080/", True),
        ("http://localhost/", True),
        ("http://gateway.example/", False),
        ("https:///path", False),
        ("ftp://localhost/", False),
        ("gateway.example", False),
    ],
)
def test_letters_go_out_encrypted_or_stay_on_the_machine(url: str, safe: bool) -> None:
    assert webhook.is_safe(url) is safe
