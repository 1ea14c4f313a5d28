"""What a handler is given to read, create or change something of one clinic, and the answer it gives back.

A handler says what happens in the transaction; here is how: a request to create may be sent again with its
Idempotency-Key and happens once; a change names the version it changes; both are committed before the answer.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeVar
from uuid import UUID

import sqlalchemy as sa
from fastapi import Depends, Header, Query, Request
from pydantic import BaseModel, Field
from sqlmodel import Session
from starlette.responses import JSONResponse, Response

from db import answers
from db.engine import noting, reading, writing
from service.auth import Caller
from service.deps import Asks, House, InHouse, Now
from service.errors import Fault, Problem

NO_KEY = r"^[\x21-\x7e]{1,128}$"
Found = TypeVar("Found")

Asked = Annotated[
    UUID | None, Query(alias="clinic", description="The clinic, with a key of the whole house alone.")
]


class Made(BaseModel):
    """What is stored under an id."""

    id: UUID


class Versioned(Made):
    """What has a version too, its ETag."""

    version: int = Field(description="One more with every change; the ETag.", examples=[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request in one clinic."""

    house: House
    caller: Caller
    now: datetime
    clinic_id: UUID
    operation: str
    path: str

    @property
    def by(self) -> str:
        return self.caller.name

    def look(self, question: Callable[[Session], Found]) -> Found:
        """The answer of a question that leaves no trace."""
        with reading(self.house.engine) as session:
            return question(session)

    def read(self, question: Callable[[Session], BaseModel]) -> Response:
        """What is asked about a patient, with the entry in the audit that it was."""
        with noting(self.house.engine) as session:
            found = question(session)
        return _told(found)

    def act(self, effect: Callable[[Session], BaseModel]) -> Response:
        """What an effect made of something stored, committed."""
        with writing(self.house.engine) as session:
            found = effect(session)
        return _told(found)

    def foresee(self, question: Callable[[Session], BaseModel]) -> Response:
        """What an effect would answer, by a question that writes nothing."""
        return _told(self.look(question))

    def rehearse(self, effect: Callable[[Session], BaseModel]) -> JSONResponse:
        """What an effect would answer; nothing of it is kept."""
        with writing(self.house.engine) as session:
            found = effect(session)
            session.rollback()
        return _answer(200, found.model_dump(mode="json", by_alias=True), {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Creation(Call):
    """A request that creates: under its key it happens once."""

    key: str

    def once(
        self, body: BaseModel, effect: Callable[[Session], BaseModel], *, at: str | None = None
    ) -> JSONResponse:
        """`at` is the address under which what was made is found, where it is not this one."""
        asked = hashlib.sha256(f"{self.path}\0{body.model_dump_json()}".encode()).hexdigest()
        with self._alone(), writing(self.house.engine) as session:
            if not answers.lock(session, str(self.clinic_id), self.operation, self.key):
                raise Problem(409, "A request with this Idempotency-Key is under way.")
            if stored := answers.find(session, self.clinic_id, self.operation, self.key):
                return _replayed(stored, asked)
            made = effect(session)
            headers = _etag(made) | _location(made, self.path if at is None else at)
            self._keep(session, asked, made.model_dump(mode="json", by_alias=True), headers)
        return _answer(201, made.model_dump(mode="json", by_alias=True), headers)

    def _keep(self, session: Session, asked: str, body: Any, headers: dict[str, str]) -> None:
        row = {
            "clinic_id": self.clinic_id,
            "operation": self.operation,
            "key": self.key,
            "request_hash": asked,
            "status": 201,
            "headers": headers,
            "body": body,
        }
        answers.keep(session, row, now=self.now)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """In this process; in others the database's lock says so."""
        name = (self.clinic_id, self.operation, self.key)
        with self.house.lock:
            if name in self.house.under_way:
                raise Problem(409, "A request with this Idempotency-Key is under way.")
            self.house.under_way.add(name)
        try:
            yield
        finally:
            self.house.under_way.discard(name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alteration(Call):
    """A request that changes the version it has read."""

    version: int  # -1: none that can be

    def expect(self, stored: int) -> None:
        if stored != self.version:
            raise Problem(412, "It was changed since you read it: read it again.")


def _etag(found: BaseModel) -> dict[str, str]:
    return {"ETag": f'"{found.version}"'} if isinstance(found, Versioned) else {}


def _location(made: BaseModel, at: str) -> dict[str, str]:
    return {"Location": f"{at}/{made.id}"} if isinstance(made, Made) else {}


def _told(found: BaseModel) -> Response:
    return Response(found.model_dump_json(by_alias=True), 200, _etag(found), "application/json")


def _answer(status: int, body: Any, headers: dict[str, str]) -> JSONResponse:
    return JSONResponse(body, status, headers)


def _replayed(stored: sa.Row, asked: str) -> JSONResponse:
    if stored.request_hash != asked:
        fault = Fault("header.Idempotency-Key", "was used with another body: make a new one")
        raise Problem(422, "The request is not valid.", errors=[fault])
    return _answer(stored.status, stored.body, {**stored.headers, "Idempotency-Replayed": "true"})


# ---- dependencies


def in_clinic(caller: Caller, asked: UUID | None) -> UUID:
    """The one clinic that a request is about."""
    clinic_id = caller.clinic(asked)
    if clinic_id is None:
        fault = Fault("query.clinic", "name the clinic: this key is of the whole house")
        raise Problem(422, "The request is not valid.", errors=[fault])
    return clinic_id


async def _common(
    request: Request, house: InHouse, caller: Asks, now: Now, asked: Asked = None
) -> dict[str, Any]:
    clinic_id = in_clinic(caller, asked)
    operation = getattr(request.scope["route"], "operation_id", None)
    return {
        "house": house, "caller": caller, "now": now, "clinic_id": clinic_id, "operation": operation,
        "path": request.url.path,
    }  # fmt: skip


Common = Annotated[dict[str, Any], Depends(_common)]


async def _call(common: Common) -> Call:
    return Call(**common)


async def _creation(
    common: Common,
    key: Annotated[
        str,
        Header(
            alias="Idempotency-Key",
            description="Any text of your own, new for each thing you create: sent again, it happens once.",
            pattern=NO_KEY,
            examples=["5f0c7a52-9d4e-4a55-8f0e-1f6f0a8d2c11"],
        ),
    ],
) -> Creation:
    return Creation(key=key, **common)


async def _alteration(
    common: Common,
    version: Annotated[
        str | None,
        Header(alias="If-Match", description="The ETag of what you have read.", examples=['"1"']),
    ] = None,
) -> Alteration:
    if version is None:
        raise Problem(428, "Say which version you change: If-Match and the ETag that you read.")
    number = version.strip().strip('"')
    return Alteration(
        version=int(number) if number.isascii() and number.isdigit() and len(number) < 10 else -1, **common
    )


Looking = Annotated[Call, Depends(_call)]
Creating = Annotated[Creation, Depends(_creation)]
Changing = Annotated[Alteration, Depends(_alteration)]
