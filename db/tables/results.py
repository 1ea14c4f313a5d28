from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from db.types import DecimalText, Row, belongs_to, enum_of


class ResultStatus(StrEnum):
    PRELIMINARY = "preliminary"
    FINAL = "final"
    CORRECTED = "corrected"
    CANCELLED = "cancelled"
    ENTERED_IN_ERROR = "entered-in-error"


class Result(Row, table=True):
    """One analyte of one draw. `usable` is false, with the problem in words, when it may close nothing."""

    __tablename__ = "result"
    __table_args__ = (
        belongs_to("patient"),
        belongs_to("import"),
        sa.Index("ix_result_patient", "clinic_id", "patient_id", "collected_on"),
    )

    patient_id: UUID
    analyte: str
    value: Decimal | None = Field(default=None, sa_type=DecimalText)  # in the analyte's own unit
    value_as_sent: str
    unit_as_sent: str | None = None
    collected_on: date
    collected_at: datetime | None = None
    resulted_at: datetime | None = None  # by the laboratory: of two versions the later one stands
    status: ResultStatus = Field(sa_type=enum_of(ResultStatus, "status"))
    usable: bool
    problem: str | None = None
    recorded_at: datetime
    source: str
    import_id: UUID | None = None
    voided_at: datetime | None = None
