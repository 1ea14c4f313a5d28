"""Receipts over the web: believed by their signature alone, kept before they are answered."""

import json
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.engine import reading
from db.receipts import of_keys
from db.tables import Channel, Receipt
from db.types import new_id
from service.api import receipts as api
from service.app import create_app
from service.channels import signed
from service.channels.signed import Gateway
from service.flows import receipts

SECRET = b"between the gateway and us"
ADDRESS = "/v1/receipts/webhook"


@pytest.fixture
def client(practice: Any) -> Iterator[TestClient]:
    yield from at_the_door(practice, Gateway(SECRET, (Channel.SMS,)))


def at_the_door(practice: Any, gateway: Gateway | None) -> Iterator[TestClient]:
    app = create_app(practice.engine, practice.clock, gateway=gateway)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as found:
        yield found


def post(client: TestClient, practice: Any, body: bytes, *, secret: bytes = SECRET, **other: str) -> Any:
    timestamp = str(int(practice.clock().timestamp()))
    given = {"timestamp": timestamp, "signature": signed.sign(secret, timestamp, body)} | other
    return client.post(
        ADDRESS,
        content=body,
        headers={f"Nextcount-{name.capitalize()}": value for name, value in given.items()},
    )


def said(**values: Any) -> bytes:
    return json.dumps({"key": str(new_id()), "state": "delivered"} | values).encode()


def test_H15_a_receipt_is_kept_before_it_is_answered_and_a_replay_is_nothing(
    client: TestClient, practice: Any
) -> None:
    key = new_id()
    body = said(key=str(key), state="undelivered", code="bad-address")
    answers = [post(client, practice, body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [204] * 3
    [row] = practice.rows(Receipt, "key")
    assert (row.key, row.channel, row.state, row.bad_address) == (key, "sms", "undelivered", True)


def test_H15_what_cannot_be_kept_is_not_answered_as_kept(
    client: TestClient, practice: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "keep", lambda *_, **__: 1 / 0)
    assert post(client, practice, said()).status_code == 500


def test_H15_H74_a_forged_receipt_is_refused_without_a_word_more(client: TestClient, practice: Any) -> None:
    body = said()
    refused = [
        post(client, practice, body, secret=b"another"),
        post(client, practice, body, signature=""),
        post(client, practice, body, timestamp="0"),
        post(client, practice, said(state="eaten")),
        post(client, practice, said(channel="voice")),
        post(client, practice, b"[]"),
        client.post(ADDRESS, content=body),
    ]
    for answer in refused:
        assert (answer.status_code, answer.json()["detail"]) == (403, "Refused.")
        assert answer.json()["errors"] == []
    assert practice.rows(Receipt, "key") == []


def test_a_receipt_of_a_house_without_a_gateway_is_refused(practice: Any) -> None:
    for client in at_the_door(practice, None):
        assert post(client, practice, said()).status_code == 403


def test_a_gateway_of_two_channels_says_of_which_it_speaks(practice: Any) -> None:
    for client in at_the_door(practice, Gateway(SECRET, (Channel.SMS, Channel.VOICE))):
        assert post(client, practice, said()).status_code == 403
        assert post(client, practice, said(channel="voice")).status_code == 204
    assert [row.channel.value for row in practice.rows(Receipt, "key")] == ["voice"]


def test_a_receipt_is_short(client: TestClient, practice: Any) -> None:
    assert post(client, practice, b" " * (api.LARGEST + 1)).status_code == 413
    assert post(client, practice, said(code="x" * 1000)).status_code == 204


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_receipt_is_refused(client: TestClient, practice: Any, minutes: int) -> None:
    body, at = said(), practice.clock() + timedelta(minutes=minutes)
    timestamp = str(int(at.timestamp()))
    signature = signed.sign(SECRET, timestamp, body)
    assert post(client, practice, body, timestamp=timestamp, signature=signature).status_code == 403


def test_H74_no_mutated_signature_is_accepted(practice: Any) -> None:
    """Twenty thousand: one bit of the body, the timestamp or the signature is another."""
    chance, now = random.Random(74), practice.clock()
    for _ in range(20_000):
        body, timestamp = said(), str(int(now.timestamp()))
        parts = [bytearray(body), bytearray(timestamp.encode())]
        parts.append(bytearray(signed.sign(SECRET, timestamp, body).encode()))
        part = chance.choice(parts)
        part[chance.randrange(len(part))] ^= 1 << chance.randrange(7)
        text = [bytes(one).decode("latin-1") for one in parts[1:]]
        read = signed.parse_receipt(
            bytes(parts[0]), timestamp=text[0], signature=text[1], secret=SECRET, now=now
        )
        assert read is None
    with reading(practice.engine) as session:
        assert list(of_keys(session, [])) == []
