"""Users, their keys, and the browsers that are signed in with one."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import ApiKey, SignIn, User, UserRole


def add(
    session: Session,
    name: str,
    role: UserRole,
    *,
    clinic_id: UUID | None,
    prefix: str,
    secret_hash: str,
    now: datetime,
) -> UUID:
    """A user and the first key; the user's id."""
    same = {"clinic_id": clinic_id, "role": role, "created_at": now}
    [user] = batches.insert(session, User, [same | {"name": name}])
    key = {"user_id": user["id"], "prefix": prefix, "secret_hash": secret_hash}
    batches.insert(session, ApiKey, [same | key])
    return UUID(str(user["id"]))


def exist(session: Session) -> bool:
    """Whether anybody has ever been added: from then on everybody is asked who they are."""
    return session.scalar(sa.select(batches.table(User).c.id).limit(1)) is not None


def by_prefix(session: Session, prefix: str) -> sa.Row | None:
    """A key that is in use, with its user's name."""
    return session.connection().execute(_by_prefix(), {"prefix": prefix}).one_or_none()


@cache
def _by_prefix() -> sa.Select:
    return _keys().where(batches.bound(batches.table(ApiKey), "prefix"))


def signed_in(session: Session, token_hash: str) -> sa.Row | None:
    """The key with which a browser was signed in, while it is in use, and since when and until when."""
    signs, keys = batches.table(SignIn), batches.table(ApiKey)
    query = _keys().add_columns(signs.c.created_at.label("since"), signs.c.seen_at)
    return session.execute(
        query.join(signs, signs.c.key_id == keys.c.id).where(signs.c.token_hash == token_hash)
    ).one_or_none()


def _keys() -> sa.Select:
    keys, users = batches.table(ApiKey), batches.table(User)
    columns = (keys.c[name] for name in ("id", "prefix", "clinic_id", "role", "secret_hash", "used_on"))
    return (
        sa.select(*columns, users.c.id.label("user_id"), users.c.name)
        .join_from(keys, users, users.c.id == keys.c.user_id)
        .where(keys.c.revoked_at.is_(None), users.c.revoked_at.is_(None))
    )


def used(session: Session, key_id: UUID, *, on: date) -> None:
    keys = batches.table(ApiKey)
    session.execute(sa.update(keys).where(keys.c.id == key_id).values(used_on=on))


def sign_in(session: Session, key_id: UUID, token_hash: str, *, now: datetime) -> None:
    row = {"token_hash": token_hash, "key_id": key_id, "created_at": now, "seen_at": now}
    session.execute(sa.insert(batches.table(SignIn)), [row])


def seen(session: Session, token_hash: str, *, now: datetime) -> None:
    signs = batches.table(SignIn)
    session.execute(sa.update(signs).where(signs.c.token_hash == token_hash).values(seen_at=now))


def sign_out(session: Session, token_hash: str) -> None:
    signs = batches.table(SignIn)
    session.execute(sa.delete(signs).where(signs.c.token_hash == token_hash))


def forget_sign_ins(session: Session, *, before: datetime) -> None:
    signs = batches.table(SignIn)
    session.execute(sa.delete(signs).where(signs.c.created_at < before))


def every(session: Session) -> Sequence[sa.Row]:
    """Every user with the key and the clinic's id, the newest last."""
    keys, users = batches.table(ApiKey), batches.table(User)
    own = (users.c[name] for name in ("id", "name", "role", "clinic_id", "created_at", "revoked_at"))
    query = sa.select(*own, keys.c.prefix, keys.c.used_on).join_from(
        users, keys, users.c.id == keys.c.user_id
    )
    return session.execute(query.order_by(users.c.id)).all()


def revoke(session: Session, user_id: UUID, *, now: datetime) -> bool:
    """The user and every key; False when that had happened before."""
    users, keys = batches.table(User), batches.table(ApiKey)
    mine = sa.update(keys).where(keys.c.user_id == user_id, keys.c.revoked_at.is_(None))
    session.execute(mine.values(revoked_at=now))
    one = sa.update(users).where(users.c.id == user_id, users.c.revoked_at.is_(None))
    return session.execute(one.values(revoked_at=now)).rowcount == 1  # type: ignore[attr-defined]
