from datetime import datetime
from typing import Any

from sqlmodel import Field

from db.types import JsonText, Row, of_clinic


class Import(Row, table=True):
    """One folder of records taken in. Nothing of it is sent until a named person releases it."""

    __tablename__ = "import"
    __table_args__ = (of_clinic(),)

    name: str
    by: str
    created_at: datetime
    released_at: datetime | None = None
    released_by: str | None = None
    undone_at: datetime | None = None
    undone_by: str | None = None
    counts: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)
