"""A real Chromium against the real application on a port of its own. Without one its tests are skipped."""

import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP clinic.test 127.0.0.1",  # a name that is not this machine's own
)


@pytest.fixture(scope="module")  # its loop runs in the main thread, where other tests begin their own
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        give_up = pytest.fail if "CI" in os.environ else pytest.skip
        give_up("No Chromium is on this machine: on Debian, apt-get install chromium.")
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield found
        found.close()


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a free port of loopback; its address."""
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
