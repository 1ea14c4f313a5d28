"""requirements.lock: every package of the service, pinned and hashed; no word about where it came from."""

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.trace import tree

LOCK = (tree.ROOT / "requirements.lock").read_text("utf-8")
PIN = re.compile(
    r"^(?P<name>[a-z0-9.-]+)==(?P<version>[^ ;]+)(?: ; [^\\]+)? \\\n(?P<hashes>(?:    --hash=.+\n)+)", re.M
)
PINS = {match["name"]: match for match in PIN.finditer(LOCK)}
DIRECT = [Requirement(line) for line in tree.pyproject()["project"]["dependencies"]]


def test_the_lock_names_no_host() -> None:
    assert "://" not in LOCK
    assert "--index-url" not in LOCK
    assert " @ " not in LOCK


def test_every_line_of_the_lock_belongs_to_a_pin_with_its_hashes() -> None:
    rest = PIN.sub("", LOCK)
    assert [line for line in rest.splitlines() if line.strip() and not line.lstrip().startswith("#")] == []
    assert all(
        re.fullmatch(r"(    --hash=sha256:[0-9a-f]{64}( \\)?\n)+", pin["hashes"]) for pin in PINS.values()
    )


@pytest.mark.parametrize("requirement", DIRECT, ids=lambda requirement: requirement.name)
def test_the_lock_holds_each_direct_dependency_within_its_bounds(requirement: Requirement) -> None:
    pin = PINS[canonicalize_name(requirement.name)]
    assert requirement.specifier.contains(pin["version"])


def test_the_core_stays_small() -> None:
    assert len(DIRECT) <= 24
