"""Proposals: a clinic's own protocols, each approved by a second person"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "protocol_proposal",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("hash", AutoString, nullable=False),
        sa.Column("protocol_id", AutoString, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("proposed_by", AutoString, nullable=False),
        sa.Column("proposed_at", UTCDateTime, nullable=False),
        sa.Column("approved_by", AutoString),
        sa.Column("approved_at", UTCDateTime),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_protocol_proposal"),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_protocol_proposal_clinic_id"),
        sa.UniqueConstraint(
            "clinic_id", "protocol_id", "version", name="uq_protocol_proposal_clinic_id_protocol_id_version"
        ),
    )


def downgrade() -> None:
    op.drop_table("protocol_proposal")
