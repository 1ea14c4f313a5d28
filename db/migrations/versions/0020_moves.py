"""Moves: courses that go on under another version of a protocol"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "protocol_move",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("from_hash", AutoString, nullable=False),
        sa.Column("to_hash", AutoString, nullable=False),
        sa.Column("figures", sa.Text, nullable=False),
        sa.Column("proposed_by", AutoString, nullable=False),
        sa.Column("proposed_at", UTCDateTime, nullable=False),
        sa.Column("approved_by", AutoString),
        sa.Column("approved_at", UTCDateTime),
        sa.Column("refused", sa.Text, nullable=False),
        sa.Column("finished_at", UTCDateTime),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_protocol_move"),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_protocol_move_clinic_id"),
    )
    belongs = [("course", "course_id", "id"), ("protocol_move", "move_id", "id")]
    belongs.append(("protocol_version", "protocol_hash", "hash"))
    op.create_table(
        "course_version",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("course_id", sa.Uuid, nullable=False),
        sa.Column("on", sa.Date, nullable=False),
        sa.Column("protocol_hash", AutoString, nullable=False),
        sa.Column("move_id", sa.Uuid, nullable=False),
        sa.Column("by", AutoString, nullable=False),
        sa.Column("recorded_at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_course_version"),
        *(
            sa.ForeignKeyConstraint(
                ["clinic_id", column],
                [f"{table}.clinic_id", f"{table}.{key}"],
                name=f"fk_course_version_clinic_id_{column}",
            )
            for table, column, key in belongs
        ),
    )
    op.create_index("ix_course_version_course", "course_version", ["clinic_id", "course_id"])


def downgrade() -> None:
    op.drop_table("course_version")
    op.drop_table("protocol_move")
