from datetime import datetime

import sqlalchemy as sa

from db.types import Row, of_clinic


class WordingSignature(Row, table=True):
    """A clinic's reviewer stands for the messages of one language, word for word: appended, never changed."""

    __tablename__ = "wording_signature"
    __table_args__ = (of_clinic(), sa.UniqueConstraint("clinic_id", "language", "hash"))

    language: str
    hash: str  # of the catalogue that was read: another word needs another signature
    by: str
    at: datetime
