"""Closed days: the weekdays and dates on which nobody can come to a clinic"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "closed_days",
        *_key("closed_days"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("weekdays", AutoString, nullable=False),
        sa.Column("set_by", AutoString, nullable=False),
        sa.Column("set_at", UTCDateTime, nullable=False),
        sa.Column("followed_at", UTCDateTime),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_closed_days_clinic_id"),
        sa.UniqueConstraint("clinic_id", "version", name="uq_closed_days_clinic_id_version"),
    )
    op.create_table(
        "closed_date",
        *_key("closed_date"),
        sa.Column("closed_days_id", sa.Uuid, nullable=False),
        sa.Column("on", sa.Date, nullable=False),
        sa.Column("name", AutoString, nullable=False),
        sa.ForeignKeyConstraint(
            ["clinic_id", "closed_days_id"],
            ["closed_days.clinic_id", "closed_days.id"],
            name="fk_closed_date_clinic_id_closed_days_id",
        ),
        sa.UniqueConstraint(
            "clinic_id", "closed_days_id", "on", name="uq_closed_date_clinic_id_closed_days_id_on"
        ),
    )


def downgrade() -> None:
    op.drop_table("closed_date")
    op.drop_table("closed_days")


def _key(table: str) -> tuple[sa.Column | sa.PrimaryKeyConstraint, ...]:
    names = ("clinic_id", "id")
    columns = (sa.Column(name, sa.Uuid, nullable=False) for name in names)
    return (*columns, sa.PrimaryKeyConstraint(*names, name=f"pk_{table}"))
