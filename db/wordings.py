"""Which clinic's reviewer signed which wording."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Session

from db import batches
from db.tables import WordingSignature


def signatures(session: Session) -> Sequence[sa.Row]:
    """Every signature of every clinic, the newest first."""
    signed = batches.table(WordingSignature)
    return session.execute(sa.select(signed).order_by(signed.c.at.desc(), signed.c.id.desc())).all()


def sign(session: Session, clinic_id: UUID, language: str, hash_: str, *, by: str, now: datetime) -> None:
    """Store a signature; who signed the same words first stays."""
    row = {"clinic_id": clinic_id, "language": language, "hash": hash_, "by": by, "at": now}
    batches.insert_new(session, WordingSignature, [row])
