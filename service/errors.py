"""What the edge says when it will not do something: one sentence for the person who asked.

Nothing here repeats what was sent: it may be somebody's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass


class Refused(Exception):
    """A command that cannot be carried out as given: what, where, and how to put it right."""


class Failed(Exception):
    """A command that could not go on: why, in a sentence for the log of its supervisor."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One place of a request that is wrong."""

    loc: str
    msg: str


class Problem(Exception):
    """A request that is answered with a status and a reason (RFC 9457)."""

    def __init__(self, status: int, detail: str, *, errors: Sequence[Fault] = ()) -> None:
        self.status, self.detail, self.errors = status, detail, tuple(errors)
        super().__init__(detail)


def one_line(text: str, *, longest: int = 500) -> str:
    """Text for a terminal or a log: on one line, what cannot be printed escaped."""
    line = " ".join(text.split())
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return shown if len(shown) <= longest else f"{shown[:longest]}…"
