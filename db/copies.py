"""SQLite files copied page by page while others write: a file copied live is none."""

import sqlite3
from contextlib import closing
from pathlib import Path

BUSY_SECONDS = 10


def copy(source: Path, target: Path) -> None:
    """Make `target` what `source` is, in one transaction of it: all, or nothing when it is interrupted."""
    with (
        closing(
            sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
        ) as old,
        closing(sqlite3.connect(target, timeout=BUSY_SECONDS)) as new,
    ):
        old.backup(new)


def faults(file: Path) -> list[str]:
    """What SQLite's quick check finds wrong in a file; a file that is no database is one fault."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            found = [row[0] for row in connection.execute("PRAGMA quick_check(5)")]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [line for line in found if line != "ok"]
