"""Where a breach of the shape would break a promise: one door to the database, one to the outside."""

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trace import tree

FLOORS = ("schedules", "db", "service")
MAKERS = {"create_engine", "create_async_engine", "create_pool_from_url", "sessionmaker", "scoped_session"}
DRIVERS = {"sqlite3": "connect", "psycopg": "connect"}


def made(source: str) -> Iterator[str]:
    """What makes an engine, a connection or a maker of sessions past `db.engine`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            yield from (name.name for name in node.names if name.name in MAKERS)
        elif isinstance(node, ast.Attribute):
            of = node.value.id if isinstance(node.value, ast.Name) else ""
            if node.attr in MAKERS or DRIVERS.get(of) == node.attr:
                yield node.attr


def test_H61_no_engine_is_made_outside_its_factory() -> None:
    code = [path for path in tree.files() if path.suffix == ".py"]
    files = [path for path in code if path.relative_to(tree.ROOT).parts[0] in FLOORS]
    found = {str(p.relative_to(tree.ROOT)): set(made(tree.text(p))) for p in files}
    assert len(found) > 100
    assert {name: makers for name, makers in found.items() if makers} == {
        "db/engine.py": {"create_engine"},
        "db/copies.py": {"connect"},  # SQLite's own online backup, between two files
    }


@pytest.mark.parametrize(
    "source",
    ["import sqlalchemy as sa\nsa.create_engine('x')", "from sqlalchemy import create_engine",
     "from sqlalchemy.orm import sessionmaker", "import sqlite3\nsqlite3.connect('x')"],
)  # fmt: skip
def test_the_lint_knows_an_engine_when_it_sees_one(source: str) -> None:
    assert list(made(source))


# ---- no request handler, no flow and no question to the database can call out


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tree")
    for name in FLOORS:
        shutil.copytree(tree.ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(tree.ROOT / "pyproject.toml", folder)
    return folder


def contracts(folder: Path) -> subprocess.CompletedProcess[str]:
    """The contract on calls to the outside, on that tree."""
    code = "from importlinter.cli import lint_imports_command as lint; lint()"
    asked = ["--no-cache", "--contract", "outside"]
    return subprocess.run(
        [sys.executable, "-c", code, *asked],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_H19_nothing_that_holds_a_transaction_can_call_out(copy: Path) -> None:
    checked = contracts(copy)
    assert checked.returncode == 0, checked.stdout


@pytest.mark.parametrize(
    ("file", "breach"),
    [
        ("service/flows/results.py", "import httpx2"),
        ("service/api/coordinators.py", "from smtplib import SMTP"),
        ("db/messages.py", "import httpx2"),
        ("service/flows/upkeep.py", "from service.channels import webhook"),  # by a detour
    ],
)
def test_H19_a_breach_of_that_is_seen(copy: Path, file: str, breach: str) -> None:
    path = copy / file
    before = path.read_text("utf-8")
    path.write_text(f"{before}\n{breach}\n", "utf-8")
    try:
        checked = contracts(copy)
    finally:
        path.write_text(before, "utf-8")
    assert checked.returncode == 1
    assert file.removesuffix(".py").replace("/", ".") in checked.stdout
