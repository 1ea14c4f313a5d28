"""A provider in a process of its own, whose ledgers outlive every worker: `python provider.py FOLDER`.

POST /LEDGER/KIND/MOMENT/PID/SIGNAL takes a letter as its kind does: `key` takes each key once, `asked` and
`blind` take whatever comes, and GET .../KEY is answered by `asked` alone. At MOMENT (`received`, `taken`) of
the first letter the worker PID gets SIGNAL. What else happens to a letter is in its address: `ok`, `500`,
`429`, `reset`, `hang`.
"""

import contextlib
import json
import os
import socket
import struct
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LEDGERS = Path(sys.argv[1])
HANG = 4.0
one_by_one = threading.Lock()
tries: Counter[tuple[str, str]] = Counter()  # by ledger and key
taken: dict[tuple[str, str], str] = {}
signalled: set[int] = set()
arriving: set[int] = set()  # letters that are not taken or refused yet, by thread


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        ledger, kind, moment, pid, signal = self.path.strip("/").split("/")
        arriving.add(threading.get_ident())
        letter = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with one_by_one:
            tries[ledger, letter["key"]] += 1
        first = tries[ledger, letter["key"]] == 1
        end("received", moment, int(pid), int(signal))
        if first and letter["to"] in ("500", "429"):
            arriving.discard(threading.get_ident())
            self.answer(int(letter["to"]), {})
            return
        id_ = take(ledger, kind, letter)
        arriving.discard(threading.get_ident())
        end("taken", moment, int(pid), int(signal))
        if first and letter["to"] == "reset":
            self.reset()
        elif first and letter["to"] == "hang":
            time.sleep(HANG)
            self.close_connection = True
        else:
            self.answer(202, {"id": id_})

    def finish(self) -> None:
        arriving.discard(threading.get_ident())
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        if self.path == "/arriving":
            self.answer(200, {"letters": len(arriving)})
            return
        ledger, kind, *_, key = self.path.strip("/").split("/")
        if kind != "asked":
            self.answer(405, {})
        elif (ledger, key) in taken:
            self.answer(200, {"state": "accepted", "id": taken[ledger, key]})
        else:
            self.answer(404, {})

    def reset(self) -> None:
        """Break the connection off, so that the other side reads an error."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """The ledger is the log."""


def take(ledger: str, kind: str, letter: dict[str, Any]) -> str:
    with one_by_one:
        key = (ledger, letter["key"])
        if kind != "key" or key not in taken:
            with (LEDGERS / ledger).open("a") as file:
                file.write(json.dumps({"key": letter["key"], "to": letter["to"]}) + "\n")
        return taken.setdefault(key, f"id-{len(taken) + 1}")


def end(here: str, moment: str, pid: int, signal: int) -> None:
    with one_by_one:
        mine = here == moment and pid not in signalled
        signalled.update({pid} if mine else ())
    if mine:
        os.kill(pid, signal)
        time.sleep(0.02)  # it has arrived before anything else happens


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_: object) -> None:
        """Whoever was killed no longer listens."""


with Server(("127.0.0.1", 0), Handler) as server, contextlib.suppress(KeyboardInterrupt):
    print(server.server_address[1], flush=True)  # noqa: T201
    server.serve_forever()
