"""Migrates in processes of their own: `python migrating.py URL`, then a line each of REVISION STATEMENT.

The one of that line is killed just before its statement of that number, 0 for never; how each ended is
printed. `both` migrates to the head in two at once. It forks, so it has no threads.
"""

import os
import signal
import sys
from typing import Any

import sqlalchemy as sa

from db import migrations
from db.engine import make_engine


def child(revision: str, killed_at: int) -> int:
    if process := os.fork():
        return process
    try:
        migrate(revision, killed_at)
        os._exit(0)
    finally:
        os._exit(1)


def migrate(revision: str, killed_at: int) -> None:
    engine, count = make_engine(sys.argv[1]), 0

    def die(*_: Any) -> None:
        nonlocal count
        count += 1
        if count == killed_at:
            os.kill(os.getpid(), signal.SIGKILL)

    sa.event.listen(engine, "before_cursor_execute", die)
    migrations.upgrade(engine, revision)


for line in sys.stdin:
    revision, killed_at = line.split()
    children = [child("head" if revision == "both" else revision, int(killed_at))]
    if revision == "both":
        children.append(child("head", 0))
    print(*(os.waitpid(one, 0)[1] for one in children), flush=True)  # noqa: T201
