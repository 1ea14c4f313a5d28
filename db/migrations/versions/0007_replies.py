"""Replies: what somebody with a message's link told us"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

KINDS = (
    "done",
    "confirmed",
    "cancelled",
    "asked-to-move",
    "problem",
    "no-problem",
    "stopped",
    "wrong-birth-date",
)


def upgrade() -> None:
    belongs = [("patient", "patient_id"), ("message", "message_id"), ("item", "item_id")]
    op.create_table(
        "reply",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("item_id", sa.Uuid),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("on", sa.Date),
        sa.Column("text", AutoString),
        sa.Column("work_key", AutoString),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_reply"),
        *(
            sa.ForeignKeyConstraint(
                ["clinic_id", column],
                [f"{table}.clinic_id", f"{table}.id"],
                name=f"fk_reply_clinic_id_{column}",
            )
            for table, column in belongs
        ),
        sa.CheckConstraint(
            f"kind IN ({', '.join(repr(kind) for kind in KINDS)})", name=op.f("ck_reply_kind")
        ),
    )
    op.create_index("ix_reply_patient", "reply", ["clinic_id", "patient_id"])
    op.create_index("ix_reply_item", "reply", ["clinic_id", "item_id"])


def downgrade() -> None:
    op.drop_table("reply")
