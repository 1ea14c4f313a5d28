"""Folders of CSV files made on the spot."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Writes files by name, dots as two underscores: `folder(patients__csv="…")`."""

    def write(**files: str | bytes) -> Path:
        for name, content in files.items():
            raw = content if isinstance(content, bytes) else content.encode()
            path = tmp_path / name.replace("__", ".")
            path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
        return tmp_path

    return write
