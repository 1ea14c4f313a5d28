"""Requests a machine makes up from the OpenAPI: no 5xx, no answer that is not documented, no ignored key."""

from collections import Counter
from contextlib import suppress
from typing import Any

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

IN_CI, LONG = 400, 200_000
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
def test_made_up_requests_are_answered_as_documented(world: World) -> None:
    run(world, IN_CI)


@pytest.mark.long
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_two_hundred_thousand_of_them(world: World) -> None:
    run(world, LONG)


def run(world: World, cases: int) -> None:
    """Right and wrong requests to every operation alike, half of them about a row that is there."""
    practice, limits = world.practice, Limits(FAST, FAST)
    beat(practice)
    app = create_app(practice.engine, practice.clock, hosts=None, sign_in=SignIn.ALWAYS, limits=limits)
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app)
    operations = [found.ok() for found in schema.get_all_operations()]
    assert len(operations) == len(world.operations)
    answers: Counter[int] = Counter()
    for operation in operations:
        for mode in GenerationMode:
            answers += explore(world, operation, mode, cases // (2 * len(operations)))
    assert answers.keys() >= {200, 201, 401, 404, 422}
    assert answers.total() >= cases // 2


def explore(world: World, operation: Any, mode: GenerationMode, cases: int) -> Counter[int]:
    answers: Counter[int] = Counter()
    headers = {"Authorization": f"Bearer {world.keys[OWN, UserRole.COORDINATOR]}"}

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
