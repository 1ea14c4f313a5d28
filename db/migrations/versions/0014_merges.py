"""Merges: two records that were one patient's"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

STANDS = sa.text("undone_at IS NULL")
UNIQUE = {"uq_merge_number": ["clinic_id", "authority", "mrn"], "uq_merge_former": ["clinic_id", "former_id"]}


def upgrade() -> None:
    op.create_table(
        "merge",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("former_id", sa.Uuid, nullable=False),
        sa.Column("authority", AutoString, nullable=False),
        sa.Column("mrn", AutoString, nullable=False),
        sa.Column("moved", sa.Text, nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.Column("undone_at", UTCDateTime),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_merge"),
        *(
            sa.ForeignKeyConstraint(
                ["clinic_id", column],
                ["patient.clinic_id", "patient.id"],
                name=f"fk_merge_clinic_id_{column}",
            )
            for column in ("patient_id", "former_id")
        ),
    )
    for name, columns in UNIQUE.items():
        op.create_index(name, "merge", columns, unique=True, sqlite_where=STANDS, postgresql_where=STANDS)


def downgrade() -> None:
    op.drop_table("merge")
