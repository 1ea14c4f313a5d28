"""The tree itself: what stands at its root, and what no file may carry."""

import re
from pathlib import Path

import pytest

from tests.trace import tree

AGREED = {
    "service", "schedules", "db", "tests",
    "docker-compose.yml", "pyproject.toml", "README.md", "LICENSE", "requirements.lock",
}  # fmt: skip
MACHINE_PATH = re.compile(r"(?<![\w.~*-])/(?:root|home|Users|work)/\w")
REGISTRY = re.compile(r"https?://[\w.:-]*(?:pypi|pythonhosted|npm|registry|mirror|artifact)[\w.:-]*/")


def texts() -> list[tuple[Path, str]]:
    """Every text of the tree but the records under tests/data, which keep their own provenance."""
    data = tree.ROOT / "tests" / "data"
    return [(path, tree.text(path)) for path in tree.files() if data not in path.parents]


def carriers(pattern: re.Pattern[str]) -> list[str]:
    return [
        f"{path.relative_to(tree.ROOT)}: {hit}" for path, text in texts() for hit in pattern.findall(text)
    ]


def test_nothing_stands_at_the_root_beside_the_agreed_names() -> None:
    names = {path.relative_to(tree.ROOT).parts[0] for path in tree.files()}
    assert {name for name in names if not name.startswith(".")} == AGREED


def test_no_file_names_a_path_of_the_machine_it_was_written_on() -> None:
    assert carriers(MACHINE_PATH) == []


def test_no_file_names_a_package_registry() -> None:
    assert carriers(REGISTRY) == []


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (MACHINE_PATH, "see " + "/".join(["", "root", "notes"])),
        (MACHINE_PATH, "'" + "/".join(["", "home", "ann", "records"])),
        (REGISTRY, "https://" + "files.pythonhosted.org/x"),
        (REGISTRY, "http://" + "pypi.example:8080/simple"),
    ],
)
def test_the_patterns_know_what_they_look_for(pattern: re.Pattern[str], text: str) -> None:
    assert pattern.search(text)


def test_folders_of_secrets_and_environments_stay_out_of_the_tree() -> None:
    assert all(
        tree.ignored(name) for name in ("secrets", ".venv", ".venv-dev", "__pycache__", "clinic.sqlite3")
    )


def test_the_readme_shows_the_two_commands() -> None:
    readme = (tree.ROOT / "README.md").read_text("utf-8")
    assert "python3 -m venv .venv && .venv/bin/pip install -q . && .venv/bin/nextcount demo\n" in readme
    assert (
        "python3 -m venv .venv-dev && .venv-dev/bin/pip install -q -e '.[dev]'"
        " && .venv-dev/bin/python -m pytest -n 2\n"
    ) in readme


def test_the_licence_is_the_one_that_the_package_names() -> None:
    licence = (tree.ROOT / "LICENSE").read_text("utf-8")
    assert licence.split()[:4] == ["Apache", "License", "Version", "2.0,"]
    assert tree.pyproject()["project"]["license"] == "Apache-2.0"
