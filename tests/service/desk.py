"""A coordinator's desk: requests by path, with the key of a role, each creation under a key of its own."""

from datetime import date
from typing import Any
from uuid import UUID, uuid4

from db.tables import UserRole
from tests.service.operations import OWN, World
from tests.stories.conftest import Practice
from tests.stories.test_said import a_protocol


class Desk:
    def __init__(self, world: World, role: UserRole = UserRole.COORDINATOR) -> None:
        self.world, self.practice = world, world.practice
        self.patient, self.course = world.ids["patient_id"], world.ids["course_id"]
        self._key = world.keys[OWN, role]

    def ask(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """An answer as it came. `more`: `version` for If-Match, `key` for Idempotency-Key, `query`."""
        headers = {"Authorization": f"Bearer {self._key}", "Idempotency-Key": more.get("key", str(uuid4()))}
        if "version" in more:
            headers["If-Match"] = f'"{more["version"]}"'
        return self.world.client.request(
            method, f"/v1{path}", json=body, headers=headers, params=more.get("query")
        )

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, query=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, body: Any, **more: Any) -> Any:
        answer = self.ask("POST", path, body, **more)
        assert answer.is_success, answer.text
        return answer.json()

    def refused(self, path: str, body: Any, status: int = 409, **more: Any) -> str:
        """Why it was refused."""
        answer = self.ask("POST", path, body, **more)
        assert answer.status_code == status, answer.text
        found = answer.json()
        return " ".join([found["detail"], *(f"{one['loc']} {one['msg']}" for one in found["errors"])])

    def event(self, kind: str, on: str, *, course: UUID | None = None, **said: Any) -> Any:
        return self.post(f"/courses/{course or self.course}/events", {"type": kind, "on": on} | said)

    def plan(self, course: UUID | None = None) -> Any:
        return self.get(f"/courses/{course or self.course}")

    def open_item(self, course: UUID | None = None) -> Any:
        [item] = [item for item in self.plan(course)["items"] if item["class"] is None]
        return item


def place_of(work: Any) -> str:
    """Under /v1, by the id of a work item."""
    return "/".join(("/work", str(work)))


def with_a_visit(practice: Practice) -> Desk:
    """A patient with a visit that is due on 4 March 2026."""
    found = Desk(World(practice))
    protocol = a_protocol(kind="visit", phases=[{"every": "P3M"}])
    found.course = practice.course(found.patient, protocol, date(2025, 12, 4))
    return found
