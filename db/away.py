"""Whether an error means that the database is away for now, which is nobody's mistake and passes."""

import sqlite3

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

# SQLite's file is locked, read-only, gone, or its disk is full; anything else is the statement's own fault.
PASSING = frozenset(
    {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_READONLY", "SQLITE_IOERR", "SQLITE_CANTOPEN", "SQLITE_FULL"}
)
# PostgreSQL's beside what its driver calls operational: read-only, and an idle transaction that it ended.
PASSING_STATES = frozenset({"25006", "25P03"})


def is_away(error: BaseException) -> bool:
    """It cannot be reached, is locked, read-only or full: the same may succeed later, as it stands."""
    if isinstance(error, NoConnectionFree):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if isinstance(error.orig, sqlite3.Error):
        name = getattr(error.orig, "sqlite_errorname", "")
        return "_".join(name.split("_")[:2]) in PASSING  # without its detail, as of SQLITE_BUSY_SNAPSHOT
    passing = getattr(error.orig, "sqlstate", None) in PASSING_STATES
    return passing or error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)


def is_cut_off(error: BaseException) -> bool:
    """The connection to a server ended, or none came about: nobody knows what became of a commit."""
    if not isinstance(error, DBAPIError) or isinstance(error.orig, sqlite3.Error):
        return False
    state = getattr(error.orig, "sqlstate", None) or "08"
    return error.connection_invalidated or state.startswith(("08", "57P"))
