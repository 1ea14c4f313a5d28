"""`simulate` for anyone who asks: a body from bytes, and an answer that cannot take the service with it.

A small body can ask for hours of work. So over HTTP it runs in a process of its own, ended when it takes too
long; nothing that is being sent waits for it.
"""

import json
import multiprocessing
import os
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, NoReturn

from schedules import simulate
from schedules.simulate import SimulateError
from service.errors import Fault, Problem, Refused, one_line

LARGEST = 2 * 1024 * 1024
SECONDS = 20
MEMORY = 1024**3
AT_ONCE = 2

_places = threading.BoundedSemaphore(AT_ONCE)
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["__main__", __name__])


def read(raw: bytes) -> object:
    """The document in a JSON text. Refused says in one sentence why there is none."""
    if len(raw) > LARGEST:
        raise Refused(f"the body is larger than {LARGEST // 1024} KiB")
    try:
        return json.loads(raw, parse_constant=_no_number, object_pairs_hook=_once)
    except RecursionError:
        raise Refused("the body is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise Refused(f"line {error.lineno}, column {error.colno}: this is not JSON: {error.msg}") from None
    except ValueError:
        raise Refused("this is not JSON: it is not UTF-8, or a number in it is too long") from None


def _no_number(name: str) -> NoReturn:
    raise Refused(f"{name} is no number in JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Refused(f"{one_line(twice, longest=100)}: the key is there twice")
    return found


def fault(error: SimulateError) -> Fault:
    """The key and the reason, each short enough to be read: a key can be anything."""
    return Fault(one_line(error.key, longest=200), one_line(error.reason))


def run(raw: bytes, *, seconds: float = SECONDS, memory: int = MEMORY) -> bytes:
    """The answer to a body, as JSON. Problem 422 names the key; 503: too many ask, or it takes too long."""
    with _place(), _child(raw, memory) as answers:
        if not answers.poll(seconds):
            raise Problem(503, f"This preview took more than {seconds:g} seconds. Ask for a shorter time.")
        try:
            found: bytes | Fault = answers.recv()
        except EOFError:
            raise Problem(503, "This preview needs too much memory. Ask for a shorter time.") from None
    if isinstance(found, Fault):
        raise Problem(422, "The body cannot be simulated.", errors=[found])
    return found


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=1):
        raise Problem(503, "Other previews are running. Try again in a few seconds.")
    try:
        yield
    finally:
        _places.release()


@contextmanager
def _child(raw: bytes, memory: int) -> Iterator[Connection]:
    here, there = _processes.Pipe(duplex=False)
    process = _processes.Process(target=_answer, args=(raw, memory, there), daemon=True)
    process.start()
    there.close()
    try:
        yield here
    finally:
        process.kill()
        process.join()
        process.close()
        here.close()


def _answer(raw: bytes, memory: int, answers: Connection) -> None:
    """In the child: nobody waits for it who does not have to."""
    os.nice(10)
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with suppress(MemoryError):
        answers.send(_simulated(raw))


def _simulated(raw: bytes) -> bytes | Fault:
    try:
        return json.dumps(simulate.run(read(raw))).encode()
    except Refused as refusal:
        return Fault("", str(refusal))
    except SimulateError as error:
        return fault(error)
