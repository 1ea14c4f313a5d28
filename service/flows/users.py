"""Who may ask: users are added with a key that is shown once, listed, and revoked."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import audit, clinics, users
from db.tables import UserRole
from service.errors import Refused

SECRET_BYTES = 32
PREFIX_BYTES = 6


def hashed(secret: str) -> str:
    """A secret of 256 random bits needs no slow hash: there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def add(
    session: Session, name: str, role: UserRole, *, clinic_id: UUID | None, by: str, now: datetime
) -> str:
    """The new user's key, which nobody can see again."""
    prefix, secret = f"nc_{secrets.token_hex(PREFIX_BYTES)}", secrets.token_urlsafe(SECRET_BYTES)
    user_id = users.add(
        session, name, role, clinic_id=clinic_id, prefix=prefix, secret_hash=hashed(secret), now=now
    )
    _record(session, clinic_id, by, "add user", user_id=user_id, now=now)
    return f"{prefix}.{secret}"


def every(session: Session) -> Sequence[sa.Row]:
    return users.every(session)


def revoke(session: Session, who: str, *, by: str, now: datetime) -> str:
    """Take back a user's key, named by its prefix or the user's name; the name."""
    found = [row for row in users.every(session) if who in (row.prefix, row.name) and row.revoked_at is None]
    if len(found) != 1:
        raise Refused(
            "several users have this name: give the key's prefix, which nextcount user list shows"
            if found
            else "there is no such user: see nextcount user list"
        )
    users.revoke(session, found[0].id, now=now)
    _record(session, found[0].clinic_id, by, "revoke user", user_id=found[0].id, now=now)
    return str(found[0].name)


def _record(
    session: Session, clinic_id: UUID | None, by: str, action: str, *, user_id: UUID, now: datetime
) -> None:
    """In the audit of the clinic; of every clinic for a user of the whole house."""
    concerned = [clinic.id for clinic in clinics.every(session)] if clinic_id is None else [clinic_id]
    for each in concerned:
        audit.record(session, each, by, action, subject=("user_account", str(user_id)), now=now)
