"""docker-compose.yml and the image: checked offline, for no image is built here."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.trace import tree

COMPOSE = tree.ROOT / "docker-compose.yml"
DOCKERFILE = tree.ROOT / "service" / "Dockerfile"
TOOLS = Path(sys.executable).parent


def run(tool: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([TOOLS / tool, *arguments], capture_output=True, text=True, timeout=60, check=False)


def check_compose(path: Path) -> subprocess.CompletedProcess[str]:
    return run("check-jsonschema", "--builtin-schema", "vendor.compose-spec", path)


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return document


def test_compose_follows_its_schema() -> None:
    checked = check_compose(COMPOSE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_schema_refuses_a_misspelt_key(tmp_path: Path) -> None:
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE.read_text("utf-8").replace("healthcheck:", "healthchek:"), "utf-8")
    assert check_compose(wrong).returncode != 0


def test_the_dockerfile_has_no_finding() -> None:
    checked = run("hadolint", DOCKERFILE)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_image_installs_by_hash_and_runs_as_nobody_in_particular() -> None:
    lines = DOCKERFILE.read_text("utf-8").splitlines()
    assert any("--require-hashes -r requirements.lock" in line for line in lines)
    assert [line for line in lines if line.startswith("USER ")][-1] not in ("USER root", "USER 0")
    assert any(line.startswith("HEALTHCHECK ") for line in lines)


def test_there_are_a_web_and_two_workers_on_one_postgresql(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert services["db"]["image"].startswith("postgres:")
    assert services["web"]["command"][:2] == ["serve", "--no-worker"]
    assert services["worker"]["command"] == ["worker"]
    assert services["worker"]["deploy"]["replicas"] == 2


def test_everything_that_stays_up_says_how_it_is(compose: dict[str, Any]) -> None:
    staying = {name: service for name, service in compose["services"].items() if service["restart"] != "no"}
    assert set(staying) == {"db", "web", "worker"}
    assert all(service["healthcheck"]["test"] for service in staying.values())


def test_no_container_can_do_more_than_it_must(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not {"privileged", "cap_add", "network_mode", "pid"} & set(service)


def test_secrets_come_from_files_that_git_does_not_see(compose: dict[str, Any]) -> None:
    for secret in compose["secrets"].values():
        folder, _ = secret["file"].removeprefix("./").split("/")
        assert tree.ignored(folder)
    for service in compose["services"].values():
        values = {key: str(value) for key, value in service["environment"].items() if "PASSWORD" in key}
        assert all(
            key.endswith("_FILE") and value.startswith("/run/secrets/") for key, value in values.items()
        )
        assert (
            ":"
            not in service["environment"]
            .get("NEXTCOUNT_DATABASE_URL", "")
            .partition("://")[2]
            .partition("@")[0]
        )


def test_the_page_is_published_on_loopback_alone(compose: dict[str, Any]) -> None:
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
