"""Over the whole suite: no word of a patient is in a log, the metrics, an address or an error's answer."""

import io
import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
import structlog
from prometheus_client import generate_latest
from starlette.testclient import TestClient

from service import metrics
from service.cli import logs

WHO = "invented|quillfeather|zephyrine|2025550101|2025550177|ada@|204417"  # of patients whom tests make up
WORK_LIST = "/work"
PERSON = re.compile(WHO, re.IGNORECASE)
WORDS = re.compile(f"{WHO}|azathioprine|mercaptopurine", re.IGNORECASE)


class Watch(logging.Handler):
    """What is written anywhere, as the commands would write it: what a test finds is kept for its end."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.told: list[str] = []

    def look(self, where: str, text: str, words: re.Pattern[str] = WORDS) -> None:
        if found := words.search(text):
            self.told.append(f"{found[0]} in {where}: {text[:300]}")

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("service") or record.name.startswith("db"):
            self.look("a log", str(record.msg))

    def event(self, logger: Any, method: str, event: Any) -> Any:
        """A processor of structlog, the first; where it is the only one, an exception is not rendered."""
        said = logs.redact(logger, method, logs._failure(logger, method, dict(event)))
        self.look("a log", json.dumps(said, default=str))
        return event

    def answer(self, answer: httpx2.Response) -> httpx2.Response:
        """Of what this service says itself: where to go next, and why something failed."""
        for name in ("location", "link"):
            self.look(f"the {name} of {answer.request.method}", answer.headers.get(name, ""))
        shown_again = answer.request.url.path.startswith(WORK_LIST)  # the list, with what was refused
        if answer.status_code >= 400 and not shown_again:
            self.look(f"an answer {answer.status_code}", answer.text, PERSON)
        return answer


@contextmanager
def watching() -> Iterator[Watch]:
    watch, asked = Watch(), TestClient.request
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TestClient, "request", lambda *given, **more: watch.answer(asked(*given, **more)))
        with as_before():
            logging.getLogger().addHandler(watch)
            structlog.configure([watch.event], logger_factory=structlog.ReturnLoggerFactory())
            yield watch


@contextmanager
def as_before() -> Iterator[None]:
    """What a test sets of the logs ends with it."""
    root, raising = logging.getLogger(), logging.raiseExceptions
    handlers, level = [*root.handlers], root.level
    yield
    structlog.reset_defaults()
    root.handlers, logging.raiseExceptions = handlers, raising
    root.setLevel(level)


@pytest.fixture(autouse=True)
def no_canary_is_out() -> Iterator[Watch]:
    """A test whose patients' words are seen outside has failed."""
    with watching() as watch:
        yield watch
    watch.look("the metrics", generate_latest(metrics.REGISTRY).decode())
    assert not watch.told, watch.told[0]


@pytest.fixture
def logged(no_canary_is_out: Watch) -> io.StringIO:
    """Logs as the commands write them."""
    written = io.StringIO()
    logs.configure(written)
    return written
