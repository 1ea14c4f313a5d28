"""The files of the tree, with git or without: a copy of the tree is enough to test it."""

import os
import tomllib
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@cache
def _patterns() -> tuple[str, ...]:
    lines = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    return (".git", *(line for line in lines if line and not line.startswith("#")))


def ignored(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _patterns())


@cache
def files() -> tuple[Path, ...]:
    found: list[Path] = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(name for name in folders if not ignored(name))
        found += [Path(folder, name) for name in sorted(names) if not ignored(name)]
    return tuple(found)


def text(path: Path) -> str:
    """The file's text; of one that is no text, what can be read as such."""
    return path.read_text("utf-8", errors="replace")


@cache
def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
