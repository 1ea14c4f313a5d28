"""The command that measures works; what it measures is no test."""

import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy.engine import URL

ROOT = Path(__file__).parents[2]


def test_the_quick_command_prints_every_table(
    postgresql_server: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DATABASE_URL", postgresql_server.render_as_string(hide_password=False))
    command = [sys.executable, "-m", "tests.bench", "--quick", "--without-peers"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    head, *tables = done.stdout.strip().split("\n\n")
    assert head.startswith("Measured on ")
    assert [len(table.splitlines()) for table in tables] == [12, 6, 4, 6, 26, 5, 13, 5, 13]
    assert "| nextcount, PostgreSQL, 2 workers | 100 |" in tables[0]
