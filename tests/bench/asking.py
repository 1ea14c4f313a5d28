"""Requests over so many connections at once, each the next when the last is answered."""

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from typing import Any

LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
LONGEST = 60  # seconds for one answer


def request(method: str, path: str, key: str | None = None, body: Any = None, *, once: str = "") -> bytes:
    told = b"" if body is None else json.dumps(body).encode()
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(told)}"]
    lines += [f"Authorization: Bearer {key}"] if key else []
    lines += ["Content-Type: application/json"] if told else []
    lines += [f"Idempotency-Key: {once}"] if once else []
    return "\r\n".join([*lines, "", ""]).encode() + told


def ask(port: int, requests: Sequence[bytes], *, connections: int) -> list[float]:
    """How many seconds each answer took."""
    return asyncio.run(_ask(port, requests, connections))


async def _ask(port: int, requests: Sequence[bytes], connections: int) -> list[float]:
    spent: list[float] = []
    rest = iter(requests)
    await asyncio.gather(*(_one_by_one(port, rest, spent) for _ in range(connections)))
    return spent


async def _one_by_one(port: int, rest: Iterator[bytes], spent: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for each in rest:
        began = time.perf_counter()
        writer.write(each)
        async with asyncio.timeout(LONGEST):
            head = await reader.readuntil(b"\r\n\r\n")
            found = LENGTH.search(head)
            body = await reader.readexactly(int(found[1]) if found else 0)
        spent.append(time.perf_counter() - began)
        if not head.startswith(b"HTTP/1.1 2"):
            raise SystemExit(
                f"{each.splitlines()[0]!r} was answered {head.splitlines()[0]!r}: {body[:300]!r}"
            )
    writer.close()
