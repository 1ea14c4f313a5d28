"""Every operation of the OpenAPI, ready to be called: a new one is covered by its own examples."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy.engine import Engine
from starlette.testclient import TestClient

from db import batches, hand_overs, work_items
from db.engine import writing
from db.tables import Clinic, Import, PatientReport, UserRole
from db.types import new_id
from schedules import library
from service.api.events import EVENT_EXAMPLE
from service.api.merges import FORMER_EXAMPLE
from service.app import create_app
from service.flows import move_proposals, users
from service.limits import Limits, Rate
from tests.stories.conftest import Practice

CANARY = "Zephyrine Quillfeather"
OWN, OTHER, HOUSE = "own", "other", "house"
PROBLEM = "application/problem+json"
FAST = Rate(10**9, 10**9)


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    said: Mapping[str, Any]
    schemas: Mapping[str, Any]

    @property
    def is_public(self) -> bool:
        return "security" not in self.said

    @property
    def names(self) -> list[str]:
        return [parameter["name"] for parameter in self.said.get("parameters", [])]

    @property
    def parameters(self) -> list[Mapping[str, Any]]:
        return list(self.said.get("parameters", []))

    @cached_property
    def body(self) -> Any:
        """The example of its body; None when it takes none."""
        content = self.said.get("requestBody", {}).get("content", {}).get("application/json")
        if content is None:
            return None
        return content["example"] if "example" in content else self.resolved(content["schema"])["examples"][0]

    def resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        return schema


@dataclass
class World:
    """Two clinics, a key for each role in each and in the house, and what paths may name in the first."""

    practice: Practice
    other_clinic: UUID = field(default_factory=new_id)
    keys: dict[tuple[str, UserRole], str] = field(default_factory=dict)
    ids: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        practice = self.practice
        row = {"id": self.other_clinic, "name": "Oak Street", "phone": "+1 202-555-0177"}
        more = {"emergency_number": "911", "time_zone": "Europe/London", "created_at": practice.clock()}
        with writing(practice.engine) as session:
            batches.insert(session, Clinic, [row | more])
            for place, clinic_id in (
                (OWN, practice.clinic_id), (OTHER, self.other_clinic), (HOUSE, None),
            ):  # fmt: skip
                for role in UserRole:
                    self.keys[place, role] = users.add(
                        session,
                        f"{place} {role}",
                        role,
                        clinic_id=clinic_id,
                        by="a test",
                        now=practice.clock(),
                    )
        self.ids["patient_id"] = practice.patient(name=CANARY, mrn=f"MRN {CANARY}")
        self.ids["contact_id"] = practice.contact(self.ids["patient_id"])
        self._on_a_medicine()

    def twice(self) -> "World":
        """With the other record of the patient that the example of a merge names."""
        birth_date = date(1980, 1, 1)
        self.practice.patient(id=UUID(FORMER_EXAMPLE), name="Ada Twice", birth_date=birth_date)
        return self

    def _on_a_medicine(self) -> None:
        """A course, with an event that the example of a mistake names."""
        practice, patient_id = self.practice, self.ids["patient_id"]
        protocol = library.protocol("azathioprine-us-label")
        self.ids["protocol_id"] = protocol.id
        self.ids["course_id"] = practice.course(patient_id, protocol, date(2025, 12, 1))
        event = {"id": UUID(EVENT_EXAMPLE), "course_id": self.ids["course_id"], "type": "dose-decrease"}
        practice.learn(patient_id, events=[event | {"on": date(2025, 12, 20)}])
        work = {"clinic_id": practice.clinic_id, "patient_id": patient_id, "kind": "get-result"}
        work |= {"level": "routine", "role": "coordinator", "key": "said-done", "due_by": practice.clock()}
        with writing(practice.engine) as session:
            work_items.raise_(session, [work], now=practice.clock())
        self.ids["report_id"] = self._reported(patient_id)
        with writing(practice.engine) as session:
            found = move_proposals.Rehearsed(
                old=protocol, new=library.protocol("azathioprine-bsr-2017"), outcomes=()
            )
            self.ids["move_id"] = move_proposals.propose(
                session, practice.clinic_id, found, by="a test", now=practice.clock()
            )
        offer = {"clinic_id": practice.clinic_id, "patient_id": patient_id, "practice": "Mill Lane Surgery"}
        offer |= {"course_id": self.ids["course_id"], "offered_by": "a test", "offered_at": practice.clock()}
        with writing(practice.engine) as session:
            self.ids["hand_over_id"] = hand_overs.add(session, offer)
        self.ids["import_id"] = self._imported()
        self.ids["item_id"] = practice.items[-1].id
        self.ids["reminder_id"] = practice.reminders[-1].id
        self.ids["work_item_id"] = practice.work[-1].id

    def _imported(self) -> UUID:
        """An import that brought nothing."""
        row = {"clinic_id": self.practice.clinic_id, "id": new_id(), "name": "upload", "by": "a test"}
        with writing(self.practice.engine) as session:
            batches.insert(session, Import, [row | {"created_at": self.practice.clock(), "counts": {}}])
        return UUID(str(row["id"]))

    def _reported(self, patient_id: UUID) -> UUID:
        """A report that proposes a pause, by the link of a message."""
        practice, now = self.practice, self.practice.clock()
        owner = {"clinic_id": practice.clinic_id, "patient_id": patient_id}
        [message, *_] = [row for row in practice.messages if row.patient_id == patient_id]
        work = {"kind": "reaction-told", "level": "24h", "role": "clinician", "key": "told", "due_by": now}
        told = {
            "message_id": message.id,
            "kind": "reaction",
            "choice": "widespread",
            "level": "24h",
            "at": now,
        }
        with writing(practice.engine) as session:
            work_items.raise_(session, [owner | work], now=now)
            [row] = batches.insert(
                session, PatientReport, [owner | told | {"work_key": "told", "proposes": "hold"}]
            )
        return UUID(str(row["id"]))

    @cached_property
    def client(self) -> TestClient:
        app = create_app(self.practice.engine, self.practice.clock, limits=Limits(FAST, FAST))
        return TestClient(app, base_url="http://localhost", raise_server_exceptions=False)

    @cached_property
    def operations(self) -> list[Operation]:
        schema = self.client.get("/v1/openapi.json").json()
        return [
            Operation(said["operationId"], method.upper(), path, said, schema["components"]["schemas"])
            for path, operations in schema["paths"].items()
            for method, said in operations.items()
        ]

    def call(
        self,
        operation: Operation,
        key: str | None = None,
        *,
        ids: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Any:
        """Call it by its examples, changed in `body`, `query` or `headers`."""
        path = operation.path.format(**(ids or self.ids))
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        if "Idempotency-Key" in operation.names:
            headers["Idempotency-Key"] = str(uuid4())
        if "If-Match" in operation.names:
            headers["If-Match"] = '"1"'
        return self.client.request(
            operation.method,
            path,
            json=changes.get("body", operation.body),
            headers=headers | changes.get("headers", {}),
            params=changes.get("query"),
        )

    def of_house(self, operation: Operation) -> dict[str, str]:
        """What a key of the whole house adds: which clinic it means."""
        return {"clinic": str(self.practice.clinic_id)} if "clinic" in operation.names else {}


def leaves(value: Any, where: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The place of every value in a body that holds no other."""
    if isinstance(value, dict | list) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for name, part in pairs:
            yield from leaves(part, (*where, name))
    else:
        yield where


def replaced(value: Any, where: tuple[Any, ...], by: Any) -> Any:
    """The body with another value in one place."""
    if not where:
        return by
    copied = value.copy()
    copied[where[0]] = replaced(value[where[0]], where[1:], by)
    return copied


def count(engine: Engine, *models: Any) -> int:
    import sqlalchemy as sa

    from db.engine import reading

    with reading(engine) as session:
        return sum(
            session.scalar(sa.select(sa.func.count()).select_from(batches.table(model))) or 0
            for model in models
        )
