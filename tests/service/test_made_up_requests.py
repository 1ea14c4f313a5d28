"""Requests a machine makes up from the OpenAPI: no 5xx, no answer that is not documented, no ignored key."""

import random
import sys
from collections import Counter
from contextlib import suppress
from itertools import count
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from db.tables import UserRole
from service.app import create_app
from service.deps import SignIn
from service.limits import Limits
from tests.service.conftest import beat
from tests.service.operations import FAST, OWN, World
from tests.stories.conftest import Practice

IN_CI, LONG, PARTS = 20_000, 200_000, 8  # requests in all, and how many processes may share them
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.ignored_auth,
]


@pytest.fixture
def world(practice: Practice) -> World:
    return World(practice).twice()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("part", range(PARTS))
def test_made_up_requests_are_answered_as_documented(world: World, part: int) -> None:
    """The same ones in every run of the same documents: what was never seen is for the long set."""
    run(world, part, IN_CI // PARTS, begins=part)


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("part", range(PARTS))
def test_two_hundred_thousand_of_them(world: World, part: int) -> None:
    begins = random.randrange(10**9)
    answers = run(world, part, LONG // PARTS, begins=begins)
    said = ", ".join(f"{status}: {count:,}" for status, count in sorted(answers.items()))
    sys.stdout.write(f"part {part}, seed {begins}, {answers.total():,} requests: {said}\n")  # -rP shows it


def run(world: World, part: int, wanted: int, *, begins: int) -> Counter[int]:
    """Right and wrong requests to each of this part's operations alike, half of them about a known row.

    Of what can be asked in few ways, each way is asked: the others make up for it.
    """
    practice, limits = world.practice, Limits(FAST, FAST)
    beat(practice)
    app = create_app(practice.engine, practice.clock, hosts=None, sign_in=SignIn.ALWAYS, limits=limits)
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == len(world.operations)
    left = [(operation, mode) for operation in operations[part::PARTS] for mode in GenerationMode]
    answers: Counter[int] = Counter()
    for turn in count(begins):
        if answers.total() >= wanted:
            break
        each = -(-(wanted - answers.total()) // len(left))
        found = [(one, explore(world, *one, each, seed=turn)) for one in left]
        answers += sum((some for _, some in found), Counter())
        left = [one for one, some in found if some.total() >= each]
    assert answers.keys() >= {200, 401, 404, 422}
    return answers


def explore(world: World, operation: Any, mode: GenerationMode, cases: int, *, seed: int) -> Counter[int]:
    answers: Counter[int] = Counter()
    headers = {"Authorization": f"Bearer {world.keys[OWN, UserRole.COORDINATOR]}"}

    @hypothesis.seed(seed)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(operation.as_strategy(generation_mode=mode), st.booleans(), st.booleans())
    def ask(case: Any, there: bool, with_key: bool) -> None:
        known = {name: str(id_) for name, id_ in world.ids.items() if there and name in case.path_parameters}
        case.path_parameters = {**case.path_parameters, **known}
        sent = headers if with_key or mode is GenerationMode.POSITIVE else {}
        if known and "If-Match" in str(operation.definition.raw):
            sent = sent | {"If-Match": '"1"'}
        answer = case.call(headers=sent)
        answers[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS, headers=sent)

    with suppress(Unsatisfiable):  # what takes nothing cannot be asked wrongly
        ask()
    return answers
