"""What is printed: a head that says where and with what, and tables in Markdown."""

import os
import platform
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from statistics import median

import sqlalchemy as sa
from sqlalchemy.engine import URL

PACKAGES = ("sqlalchemy", "psycopg", "pgqueuer", "procrastinate", "apscheduler")


def head(server: URL, runs: int) -> str:
    engine = sa.create_engine(server)
    with engine.connect() as connection:
        postgresql = connection.exec_driver_sql("SHOW server_version").scalar_one()
        flushed = connection.exec_driver_sql("SHOW fsync").scalar_one()
    engine.dispose()
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES if find_spec(name))
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores ({platform.machine()}), "
        f"load before {os.getloadavg()[0]:.1f}; Python {platform.python_version()}, "
        f"PostgreSQL {postgresql} (fsync {flushed}), "
        f"SQLite {sqlite3.sqlite_version} (WAL, synchronous FULL), {packages}. "
        f"Medians of {runs}, interleaved; in brackets the least and the most."
    )


def rows(title: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    marks = ["---"] + ["---:"] * (len(title) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in (title, marks, *lines))


def spread(values: Sequence[float]) -> str:
    return f"{number(median(values))} ({number(min(values))}–{number(max(values))})"


def number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def ratio(mine: Sequence[float], other: Sequence[float]) -> str:
    return f"{number(median(mine) / median(other))} ×"
