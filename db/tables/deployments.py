from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Field, SQLModel


class Deployment(SQLModel, table=True):
    """Whose database this is, in one row. While `held_since` is set nothing is sent.

    A restored or copied database is held as a whole, with all its clinics, so the row belongs to none. What
    was sent after `held_since` is not known here.
    """

    __tablename__ = "deployment"
    __table_args__ = (sa.CheckConstraint("number = 1", name="is_the_only_one"),)

    number: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    id: str
    held_since: datetime | None = None
    held_reason: str | None = None
    released_at: datetime | None = None
    released_by: str | None = None
