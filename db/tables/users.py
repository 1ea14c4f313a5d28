from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from db.types import enum_of, new_id, of_clinic


class UserRole(StrEnum):
    """What a person or a system may do: service/auth/policy.py says it operation by operation."""

    COORDINATOR = "coordinator"
    CLINICIAN = "clinician"
    REPORTER = "reporter"
    ADMIN = "admin"


class User(SQLModel, table=True):
    """A person or a system that may ask. Without a clinic it is of the whole house."""

    __tablename__ = "user_account"
    __table_args__ = (of_clinic(),)

    id: UUID = Field(default_factory=new_id, primary_key=True)
    clinic_id: UUID | None = None
    name: str
    role: UserRole = Field(sa_type=enum_of(UserRole, "role"))
    created_at: datetime
    revoked_at: datetime | None = None


class ApiKey(SQLModel, table=True):
    """What a user shows: found by its prefix, proved by its secret, of which only the hash is kept."""

    __tablename__ = "api_key"
    __table_args__ = (
        of_clinic(),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"]),
        sa.Index("ix_api_key_user_id", "user_id"),
    )

    id: UUID = Field(default_factory=new_id, primary_key=True)
    clinic_id: UUID | None = None
    user_id: UUID
    role: UserRole = Field(sa_type=enum_of(UserRole, "role"))
    prefix: str = Field(unique=True)
    secret_hash: str
    created_at: datetime
    used_on: date | None = None
    revoked_at: datetime | None = None


class SignIn(SQLModel, table=True):
    """A browser's session: its cookie holds a token, this row the token's hash."""

    __tablename__ = "sign_in"
    __table_args__ = (
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"]),
        sa.Index("ix_sign_in_key_id", "key_id"),
    )

    token_hash: str = Field(primary_key=True)
    key_id: UUID
    created_at: datetime
    seen_at: datetime
