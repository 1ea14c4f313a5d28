"""Each hazard whose mitigation is built here has a test that carries its number."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
BOUND = frozenset({*range(1, 11), *range(12, 17), *range(19, 22), *range(23, 58), *range(59, 67)})
NUMBER = re.compile(r"_H(\d\d)(?=_)")


def names() -> Iterator[str]:
    for path in TESTS.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield node.name


def test_every_bound_hazard_has_its_test() -> None:
    proved = {int(number) for name in names() for number in NUMBER.findall(name)}
    assert sorted(BOUND - proved) == []
