"""Signatures for the wording of messages"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "wording_signature",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("language", AutoString, nullable=False),
        sa.Column("hash", AutoString, nullable=False),
        sa.Column("by", AutoString, nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_wording_signature_clinic_id"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_wording_signature"),
        sa.UniqueConstraint(
            "clinic_id", "language", "hash", name="uq_wording_signature_clinic_id_language_hash"
        ),
    )


def downgrade() -> None:
    op.drop_table("wording_signature")
