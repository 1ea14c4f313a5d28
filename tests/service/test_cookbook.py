"""The README's cookbook: its own commands, run by bash and curl against `nextcount serve` on loopback."""

import csv
import io
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.engine import Engine

from db.engine import writing
from db.tables import AuditEntry, UserRole
from service.clock import WoundClock
from service.flows import users
from tests.service.test_cli_running import SOON, address_in, environment, running
from tests.stories.conftest import Practice

README = Path(__file__).parents[2] / "README.md"


def commands() -> tuple[str, list[str]]:
    """What the cookbook has one set up, and then each command with its own lines."""
    section = README.read_text("utf-8").partition("## Cookbook\n")[2].partition("\n## ")[0]
    first, *rest = re.findall(r"^```\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    setting_up = "".join(line for line in first.splitlines(True) if "=" not in line.partition("(")[0])
    return setting_up, [one for block in rest for one in re.split(r"\n(?=get|post)", block.strip())]


class Shell:
    def __init__(self, folder: Path, setting_up: str, **known: str) -> None:
        self._folder, self._setting_up, self.known = folder, setting_up, known

    def run(self, command: str) -> Any:
        """The answer of one command: JSON, or the rows of a CSV. A refusal fails."""
        done = subprocess.run(
            ["bash", "-ec", f"{self._setting_up}\n{command}"],
            cwd=self._folder, env=environment(**self.known), capture_output=True, text=True, timeout=SOON,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return (
            list(csv.DictReader(io.StringIO(done.stdout))) if "=csv" in command else json.loads(done.stdout)
        )


def opened(engine: Engine) -> tuple[Practice, str]:
    """A clinic, and the key that its coordinator was shown."""
    practice = Practice(engine, WoundClock(datetime.now(UTC)))
    practice.open("America/New_York")
    who = {"clinic_id": practice.clinic_id, "by": "a test", "now": practice.clock()}
    with writing(engine) as session:
        return practice, users.add(session, "Dana Reyes", UserRole.COORDINATOR, **who)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_the_cookbooks_commands_do_what_it_says(engine: Engine, tmp_path: Path) -> None:
    practice, key = opened(engine)
    setting_up, said = commands()
    database = {"NEXTCOUNT_DATABASE_URL": engine.url.render_as_string(hide_password=False)}
    with running("serve", "--no-worker", "--port", "0", cwd=tmp_path, **database) as (_, log):
        shell = Shell(tmp_path, setting_up, KEY=key, NC=f"{address_in(log)}v1")
        answers = iter(said)

        def ran(word: str) -> Any:
            command = next(answers)
            assert word in command
            return shell.run(command)

        shell.known["PATIENT"] = ran("patients '")["id"]
        course = ran("/courses")
        shell.known["COURSE"] = course["id"]
        assert all("azathioprine-bsr-2017" in item["why"] for item in course["items"])
        drawn = ran("/results")
        assert (len(drawn["results"]), drawn["beyond_a_limit"]) == (7, 1)
        tried, made = ran("dry_run"), ran('/events"')
        assert tried["difference"] == made["difference"]
        [moved] = made["difference"]["dates"]
        assert (moved["was_due_on"], moved["due_on"]) == ("2026-03-31", "2026-01-23")
        first, *_ = ran('"work?')["items"]
        assert first["reasons"]
        shell.known["WORK"] = first["work"]["id"]
        assert ran("/claim")["owner"] == "Dana Reyes"
        assert ran("/outcome")["outcome"] == "reached"
        assert ran("adherence?")["total"]
        assert {row["mrn"] for row in ran("lines")} == {"204417"}
        assert [one["mrn"] for one in ran("prescribing")["items"]] == ["204417"]
        assert next(answers, None) is None
    assert UUID(course["patient_id"]) == UUID(shell.known["PATIENT"])
    assert {row.actor for row in practice.rows(AuditEntry) if row.action == "enrol"} == {"Dana Reyes"}
