"""A dead man's switch in a process of its own, with a ledger: `python switch.py LEDGER`.

What it does is in the path that is asked for.
"""

import contextlib
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

LEDGER = Path(sys.argv[1])


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        with LEDGER.open("a") as file:
            file.write(json.dumps({"path": self.path, "headers": dict(self.headers)}) + "\n")
        match self.path.partition("?")[0].strip("/").split("/"):
            case ["status", code]:
                self.send_response(int(code))
                self.send_header("Location", "/status/200")
                self.end_headers()
            case ["hang"]:
                time.sleep(60)
            case ["trickle"]:
                for letter in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 600:
                    self.wfile.write(bytes([letter]))
                    time.sleep(0.1)
            case _:
                self.close_connection = True

    def log_message(self, *_: object) -> None:
        """The ledger is the log."""


with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, contextlib.suppress(KeyboardInterrupt):
    server.daemon_threads = True
    print(server.server_address[1], flush=True)  # noqa: T201
    server.serve_forever()
