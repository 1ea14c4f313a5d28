from datetime import datetime
from uuid import UUID

from sqlmodel import Field, SQLModel

from db.types import new_id


class Clinic(SQLModel, table=True):
    """The tenant: its id is the first part of every other key."""

    __tablename__ = "clinic"

    id: UUID = Field(default_factory=new_id, primary_key=True)
    name: str = Field(unique=True)
    phone: str
    emergency_number: str
    time_zone: str
    created_at: datetime
