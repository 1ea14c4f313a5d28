"""Strings that break software, wrong types, sizes and ids, in every place of every operation."""

import json
import random
from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from db.tables import Consent, Contact, Patient, StoredAnswer, UserRole
from service.auth import policy
from tests.service.operations import OWN, PROBLEM, Operation, World, count, leaves, replaced
from tests.stories.conftest import Practice

NAUGHTY = json.loads(Path(__file__).parents[1].joinpath("data", "blns", "blns.json").read_text("utf-8"))
STRINGS = [*NAUGHTY, "\0", "a\0b", "\ud800", "x" * 100_000, "../../etc/passwd", "0000-00-00", "9999-12-31"]
WRONG: list[Any] = [
    None, True, -1, 0, 2**63, 10**400, 1.5, "", [], {}, [[]], {"": None}, [None] * 5000, "2026-02-30",
    "2026-01-05T09:00:00", "not-a-uuid", "00000000-0000-0000-0000-000000000000",
]  # fmt: skip
BROKEN = [b"", b"{", b"\xff\xfe", b"null", b"[]", b"NaN", b'{"a":' * 5000, b'"' + b"x" * 5_000_000]
WRITTEN = (Patient, Contact, Consent)
SIGNED = {"take_receipt"}


@pytest.fixture
def world(practice: Practice) -> World:
    return World(practice)


def able(world: World, operation: Operation) -> str | None:
    """A key with which it can be called."""
    if operation.is_public:
        return None
    role = min(policy.TABLE[operation.id].clinic, key=list(UserRole).index)
    return world.keys[OWN, role]


def places(world: World) -> Iterator[tuple[Operation, str, Any]]:
    """Every parameter, and every value of a body's example, that a stranger could fill."""
    for operation in world.operations:
        for parameter in operation.parameters:
            yield operation, parameter["in"], parameter["name"]
        if operation.body is not None:
            for where in leaves(operation.body):
                yield operation, "body", where


def ask(world: World, operation: Operation, kind: str, where: Any, value: Any) -> Any:
    key = able(world, operation)
    if kind == "body":
        body = json.dumps(replaced(operation.body, where, value)).encode()
        return raw(world, operation, body)
    text = value if isinstance(value, str) else json.dumps(value)
    sent = text.encode("utf-8", "surrogatepass")
    if kind == "header":
        plain = bytes(byte for byte in sent if byte not in b"\r\n\0")[:5000].strip()
        return world.call(operation, key, headers={where: plain})
    if kind == "query":
        return world.call(operation, key, query={where: sent[:5000].decode("utf-8", "replace")})
    quoted = "".join(f"%{byte:02x}" for byte in sent[:3000]) or "%20"
    return world.call(operation, key, ids={**world.ids, where: quoted})


def raw(world: World, operation: Operation, body: bytes, kind: str = "application/json") -> Any:
    headers = {"Content-Type": kind, "Idempotency-Key": f"k{world.ids.setdefault('n', 0)}", "If-Match": '"1"'}
    world.ids["n"] += 1
    if (key := able(world, operation)) is not None:
        headers["Authorization"] = f"Bearer {key}"
    address = operation.path.format(**world.ids)
    return world.client.request(operation.method, address, content=body, headers=headers)


def check(operation: Operation, answer: Any, value: Any) -> None:
    """It is taken, or refused in a way that is documented, with a reason that repeats nothing."""
    told = (operation.id, answer.status_code, answer.text[:300], repr(value)[:80])
    assert answer.status_code < 500, told
    if answer.status_code >= 400:
        documented = str(answer.status_code) in operation.said["responses"]
        assert documented or answer.status_code in (404, 405), told  # a path that is another address
        assert answer.headers["content-type"] == PROBLEM, told
        assert answer.json()["detail"], told
        if isinstance(value, str) and len(value) > 12 and "2026" not in value:
            assert value not in answer.text, told


def unharmed(world: World, created: Counter[str]) -> None:
    """One patient for each created or sent in a file, none else; and each contact has its consent."""
    engine = world.practice.engine
    came = [row.import_id is not None for row in world.practice.rows(Patient)]
    assert came.count(False) == 1 + created["create_patient"]
    assert came.count(True) == bool(created["import_records"])
    assert count(engine, StoredAnswer) == created.total()
    assert count(engine, Contact) == count(engine, Consent) - created["answer_consent"]


def test_every_hostile_string_somewhere(world: World) -> None:
    """Each string once, going round all the places; all in all of them is the long test."""
    around, created = cycle(list(places(world))), Counter[str]()
    for value in STRINGS:
        operation, kind, where = next(around)
        answer = ask(world, operation, kind, where, value)
        check(operation, answer, value)
        created[operation.id] += answer.status_code == 201
    unharmed(world, created)


@pytest.mark.long
def test_every_hostile_string_everywhere(world: World) -> None:
    for operation, kind, where in places(world):
        for value in STRINGS:
            check(operation, ask(world, operation, kind, where, value), value)


def test_wrong_types_dates_ids_and_sizes_everywhere(world: World) -> None:
    created, lite = Counter[str](), world.practice.engine.dialect.name == "sqlite"
    for operation, kind, where in places(world):
        for value in WRONG if lite else random.sample(WRONG, len(WRONG) // 4):
            answer = ask(world, operation, kind, where, value)
            check(operation, answer, value)
            created[operation.id] += answer.status_code == 201
    unharmed(world, created)


def with_a_body(world: World) -> list[Operation]:
    """But for what is signed: there anything else is refused before it is read."""
    return [o for o in world.operations if o.body is not None and o.id not in SIGNED]


def test_what_is_signed_is_refused_unread(world: World) -> None:
    signed = [operation for operation in world.operations if operation.id in SIGNED]
    assert len(signed) == len(SIGNED)
    for operation in signed:
        for body in BROKEN:
            assert raw(world, operation, body).status_code in (403, 413), operation.id


def test_bodies_that_are_none(world: World) -> None:
    for operation in with_a_body(world):
        for body in BROKEN:
            answer = raw(world, operation, body)
            check(operation, answer, None)
            assert answer.status_code in (400, 413, 422), operation.id
        for kind in ("", "text/plain", "application/xml", "application/x-www-form-urlencoded"):
            answer = raw(world, operation, json.dumps(operation.body).encode(), kind)
            assert answer.headers["content-type"] == PROBLEM, operation.id
            assert answer.status_code == 415, operation.id
    unharmed(world, Counter())


def test_a_field_that_nobody_knows_is_refused(world: World) -> None:
    for operation in (operation for operation in with_a_body(world) if isinstance(operation.body, dict)):
        answer = raw(world, operation, json.dumps(operation.body | {"quill": 1}).encode())
        assert answer.status_code == 422, operation.id
