"""Logs: one JSON object a line on standard error, and in none of them what a patient would mind.

A value is let through by what it is, a text by the name it is logged under; everything else is left out. Of
an exception only its type and its path through the code are kept: its message may hold a row.
"""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from datetime import date
from enum import Enum
from typing import Any, TextIO
from uuid import UUID

import structlog
from structlog.processors import JSONRenderer, TimeStamper
from structlog.stdlib import ProcessorFormatter

HARMLESS = (bool, int, float, type(None), UUID, date, Enum)
TEXTS = frozenset(
    {"event", "level", "timestamp", "logger", "request_id", "method", "route", "loop", "process"}
    | {"channel", "state", "error", "message", "failure"}
)
LEFT_OUT = "[left out]"
TALKATIVE = ("alembic", "apscheduler", "httpx2", "uvicorn")


def configure(stream: TextIO | None = None) -> None:
    """Send this program's logs and those of its libraries through one door: standard error."""
    logging.raiseExceptions = False  # a record that cannot be written would be printed with its arguments
    structlog.configure(
        processors=[*_shared(), ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        ProcessorFormatter(
            foreign_pre_chain=[_format_alone, *_shared()],
            processors=[ProcessorFormatter.remove_processors_meta, JSONRenderer(default=str)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.WARNING)


def _shared() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        TimeStamper(fmt="iso", utc=True),
        _failure,
        redact,
    ]


def _format_alone(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Of a library's record the sentence as it is in its code, without what was filled in."""
    event["event"] = str(event["_record"].msg)
    return event


def _failure(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Where it failed: the exception's type and the functions on its way."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        path = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames)
        event["failure"] = f"{type(error).__name__} at {path}"
    return event


def redact(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for key, value in event.items():
        if not key.startswith("_") and not isinstance(value, HARMLESS) and key not in TEXTS:
            event[key] = LEFT_OUT
    return event
