from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Field

from db.types import JsonText, Row, belongs_to, index_where


class Merge(Row, table=True):
    """Two records that were one patient's: what comes under the former number is the patient's."""

    __tablename__ = "merge"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("patient", "former_id"),
        index_where(
            "uq_merge_number", "clinic_id", "authority", "mrn", where="undone_at IS NULL", unique=True
        ),
        index_where("uq_merge_former", "clinic_id", "former_id", where="undone_at IS NULL", unique=True),
    )

    patient_id: UUID
    former_id: UUID
    authority: str  # of the former record
    mrn: str
    moved: dict[str, Any] = Field(default_factory=dict, sa_type=JsonText)  # ids by table, to move them back
    at: datetime
    undone_at: datetime | None = None
