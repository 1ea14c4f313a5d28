"""Hold and pause"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TEXT, MOMENT = AutoString, UTCDateTime


def upgrade() -> None:
    op.create_table(
        "deployment",
        sa.Column("number", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("id", TEXT, nullable=False),
        sa.Column("held_since", MOMENT),
        sa.Column("held_reason", TEXT),
        sa.Column("released_at", MOMENT),
        sa.Column("released_by", TEXT),
        sa.CheckConstraint("number = 1", name=op.f("ck_deployment_is_the_only_one")),
        sa.PrimaryKeyConstraint("number", name="pk_deployment"),
    )
    op.create_table(
        "pause",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("by", TEXT, nullable=False),
        sa.Column("reason", TEXT, nullable=False),
        sa.Column("since", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT),
        sa.Column("ended_by", TEXT),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_by IS NULL)", name=op.f("ck_pause_end_has_a_name")),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_pause_clinic_id"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_pause"),
    )
    open_ = sa.text("ended_at IS NULL")
    op.create_index(
        "uq_pause_open", "pause", ["clinic_id"], unique=True, sqlite_where=open_, postgresql_where=open_
    )


def downgrade() -> None:
    op.drop_table("pause")
    op.drop_table("deployment")
