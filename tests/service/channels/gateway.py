"""A gateway in a process of its own, with a ledger: `python gateway.py LEDGER`.

What it does with a letter is in the address: `ok`, `status 429 7`, `hang`, `drop`, `half`, `big`, ….
"""

import contextlib
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LEDGER = Path(sys.argv[1])
taken: dict[str, str] = {}  # by key
seen: list[dict[str, Any]] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        letter, key = json.loads(raw), self.headers["Idempotency-Key"]
        word, *more = letter["to"].split()
        note(headers=dict(self.headers), body=raw.decode(), new=key not in taken and word in TAKEN)
        if word in TAKEN:
            taken.setdefault(key, f"id-{len(taken) + 1}")
        getattr(self, word.replace("-", "_"))(taken.get(key), *more)

    def do_GET(self) -> None:
        key = self.path.rpartition("/")[2]
        note(headers=dict(self.headers), path=self.path)
        if self.path.startswith("/slow/"):
            time.sleep(60)
        if self.path.startswith("/refused/"):
            self.answer(200, {"state": "rejected", "code": "bad-address"})
        elif key in taken:
            self.answer(200, {"state": "accepted", "id": taken[key]})
        else:
            self.answer(404 if not self.path.startswith("/ill/") else 500, {})

    def ok(self, id_: str) -> None:
        self.answer(202, {"id": id_})

    def status(self, id_: str, code: str, wait: str | None = None, reason: str | None = None) -> None:
        more = {} if wait in (None, "-") else {"Retry-After": wait}
        self.answer(int(code), {"code": reason} if reason else {}, **more)

    def slow(self, id_: str, seconds: str) -> None:
        time.sleep(float(seconds))
        self.ok(id_)

    def hang(self, id_: str) -> None:
        time.sleep(60)

    def drop(self, id_: str) -> None:
        self.close_connection = True

    def half(self, id_: str) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        self.close_connection = True

    def big(self, id_: str) -> None:
        self.answer(200, {"id": "x" * 200_000})

    def trickle(self, id_: str) -> None:
        for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 600:
            self.wfile.write(bytes([letter]))
            time.sleep(0.1)

    def redirect(self, id_: str) -> None:
        self.answer(307, {}, Location="/elsewhere")

    def words(self, id_: str) -> None:
        self.answer(200, {"id": "\x00\ud800"})

    def answer(self, status: int, content: dict[str, Any], **headers: str) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The ledger is the log."""


TAKEN = {"ok", "slow", "hang", "drop", "half", "big", "trickle", "words"}


def note(**entry: Any) -> None:
    with LEDGER.open("a") as file:
        file.write(json.dumps(entry) + "\n")


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, contextlib.suppress(KeyboardInterrupt):
    server.daemon_threads = True
    print(server.server_address[1], flush=True)  # noqa: T201
    server.serve_forever()
