"""Column types: words as VARCHAR with a CHECK, exact decimals, JSON as text, time-ordered ids.

Import this before the first table: it sets the names of constraints. Moments need nothing here: SQLModel
keeps a `datetime` in UTC and refuses one without a zone.
"""

import json
from decimal import Decimal
from enum import Enum
from typing import Any, get_args
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Dialect
from sqlmodel import Field, SQLModel
from uuid_utils.compat import uuid7

SQLModel.metadata.naming_convention = {
    "pk": "pk_%(table_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
}


def new_id() -> UUID:
    """A UUIDv7: sorts by the time it was made, and tells it: a link carries a random token."""
    return uuid7()


def enum_of(words: Any, name: str) -> sa.Enum:
    """VARCHAR with a CHECK over the words of an Enum class or a Literal; `name` is the column's.

    SQLModel's own choice stores an Enum's names instead of its values, in a native type of PostgreSQL that is
    hard to change.
    """
    settings: dict[str, Any] = {"name": name, "native_enum": False, "create_constraint": True, "length": 32}
    if isinstance(words, type) and issubclass(words, Enum):
        return sa.Enum(words, values_callable=lambda enum: [member.value for member in enum], **settings)
    return sa.Enum(*get_args(words), **settings)


class DecimalText(sa.TypeDecorator[Decimal]):
    """A Decimal exactly as it was written: SQLite would make a binary fraction of it."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        return None if value is None else Decimal(value)


class JsonText(sa.TypeDecorator[Any]):
    """Plain JSON values as text, the same bytes on both databases."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        return None if value is None else json.loads(value)


class Row(SQLModel):
    """What nearly every table has: the clinic it belongs to, first in every key, and an id."""

    clinic_id: UUID = Field(primary_key=True)
    id: UUID = Field(default_factory=new_id, primary_key=True)


def belongs_to(table: str, column: str | None = None) -> sa.ForeignKeyConstraint:
    """A foreign key to a row of the same clinic, never of another."""
    target = [f"{table}.clinic_id", f"{table}.id"]
    return sa.ForeignKeyConstraint(["clinic_id", column or f"{table}_id"], target)


def of_clinic() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"])


def index_where(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """A partial index, the same on both databases."""
    condition = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=condition, postgresql_where=condition)
