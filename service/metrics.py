"""What this process counts and measures, for Prometheus. What the database knows is in `flows/gauges.py`.

A label is one of a few words of ours: never a patient, clinic, number or medicine, nor what was sent to us.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

disable_created_metrics()

REGISTRY = CollectorRegistry()
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
CALLS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20)
BATCHES = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60)
REQUESTS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

_attempts = Counter(
    "nextcount_attempts",
    "Calls to a channel and what it answered: accepted, rejected or unknown.",
    ["channel", "outcome"],
    registry=REGISTRY,
)
_calls = Histogram(
    "nextcount_provider_call_seconds",
    "How long a call to a channel took: to send, or to ask what became of a letter.",
    ["channel", "call"],
    buckets=CALLS,
    registry=REGISTRY,
)
_batches = Histogram(
    "nextcount_batch_seconds",
    "How long a loop took for one batch.",
    ["loop"],
    buckets=BATCHES,
    registry=REGISTRY,
)
_failures = Counter(
    "nextcount_loop_failures",
    "Ticks of a loop that came to no end: for an error of ours, or because the database was away.",
    ["loop", "reason"],
    registry=REGISTRY,
)
_requests = Histogram(
    "nextcount_http_request_seconds",
    "How long an answer took, by the template of its route.",
    ["method", "route"],
    buckets=REQUESTS,
    registry=REGISTRY,
)
_answers = Counter(
    "nextcount_http_requests",
    "Requests that were answered, by the template of their route.",
    ["method", "route", "status"],
    registry=REGISTRY,
)


def attempted(channel: str, outcome: str) -> None:
    _attempts.labels(channel, outcome).inc()


@contextmanager
def calling(channel: str, call: str) -> Iterator[None]:
    with _calls.labels(channel, call).time():
        yield


def worked(loop: str, seconds: float) -> None:
    _batches.labels(loop).observe(seconds)


def failed(loop: str, *, away: bool) -> None:
    _failures.labels(loop, "database" if away else "error").inc()


def known(method: str) -> str:
    """A method by its name; a word of the caller's own is written nowhere."""
    return method if method in METHODS else "other"


def answered(method: str, route: str, status: int | None, seconds: float) -> None:
    """`status` is None for whom no answer reached."""
    word = known(method)
    _requests.labels(word, route).observe(seconds)
    _answers.labels(word, route, "none" if status is None else str(status)).inc()
