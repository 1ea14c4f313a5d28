"""Who asks, and whether they may: keys, sessions of browsers, and one `authorize()` over one table."""

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db import users
from db.engine import reading, writing
from db.tables import UserRole
from service.auth import policy
from service.errors import Problem
from service.flows.users import hashed

IDLE = timedelta(minutes=15)
LONGEST = timedelta(hours=12)
SEEN_EVERY = timedelta(minutes=1)  # not every page is worth a write
NOBODY = hashed(secrets.token_urlsafe())  # what the secret of an unknown key is compared with
LONGEST_KEY = 200
NOTHING_HERE = "There is nothing at this address."


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks. Without a clinic it is of the whole house. `key` is the prefix, for limits and logs."""

    name: str
    role: UserRole
    clinic_id: UUID | None
    key: str

    def clinic(self, asked: UUID | None) -> UUID | None:
        """The clinic to look in, None for all. Another's is not there, for who has one of their own."""
        if self.clinic_id is None or asked in (None, self.clinic_id):
            return self.clinic_id or asked
        raise Problem(404, NOTHING_HERE)


def authorize(operation: str, caller: Caller | None) -> None:
    """Problem unless the table says that this caller may. What has no row, nobody may."""
    if operation in policy.PUBLIC:
        return
    if caller is None:
        raise Problem(401, "Say who you are: Authorization: Bearer and a key of this service.")
    allowed = policy.TABLE.get(operation, policy.NOBODY)
    if caller.role not in (allowed.house if caller.clinic_id is None else allowed.clinic):
        raise Problem(403, "This key's role may not do this.")


def identify(engine: Engine, key: str, *, now: datetime) -> Caller | None:
    """Whose key this is. An unknown one costs the same work as a wrong one."""
    prefix, _, secret = key[:LONGEST_KEY].partition(".")
    with reading(engine) as session:
        row = users.by_prefix(session, prefix.replace("\0", ""))
    if not _proves(secret, row):
        return None
    assert row is not None
    _use(engine, row, now)
    return _caller(row)


def _proves(secret: str, row: sa.Row | None) -> bool:
    known = NOBODY if row is None else row.secret_hash
    return hmac.compare_digest(hashed(secret), known) and row is not None


def _use(engine: Engine, row: sa.Row, now: datetime) -> None:
    today = now.astimezone(UTC).date()
    if row.used_on != today:
        with writing(engine) as session:
            users.used(session, row.id, on=today)


def _caller(row: sa.Row) -> Caller:
    return Caller(name=row.name, role=row.role, clinic_id=row.clinic_id, key=row.prefix)


# ---- browsers


def sign_in(engine: Engine, key: str, *, now: datetime) -> str | None:
    """A session's token for who has a key; None for who has none."""
    caller = identify(engine, key, now=now)
    if caller is None:
        return None
    token = secrets.token_urlsafe(32)
    with writing(engine) as session:
        row = users.by_prefix(session, caller.key)
        if row is None:
            return None
        users.forget_sign_ins(session, before=now - LONGEST)
        users.sign_in(session, row.id, hashed(token), now=now)
    return token


def of_session(engine: Engine, token: str, *, now: datetime) -> Caller | None:
    """Who is signed in with this token, unless it was idle for too long or has become too old."""
    with reading(engine) as session:
        row = users.signed_in(session, hashed(token))
    if row is None or now - row.seen_at >= IDLE or now - row.since >= LONGEST:
        return None
    if now - row.seen_at >= SEEN_EVERY:
        with writing(engine) as session:
            users.seen(session, hashed(token), now=now)
    return _caller(row)


def sign_out(engine: Engine, token: str) -> None:
    with writing(engine) as session:
        users.sign_out(session, hashed(token))
