"""Hand-overs: the monitoring of a course offered to another clinic, and since when somebody has monitored"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

STATES = ("offered", "accepted", "declined", "withdrawn", "returned")


def upgrade() -> None:
    op.add_column("course", sa.Column("monitored_since", sa.Date))
    words = ("practice", "person", "address", "note", "answered_by", "words")
    op.create_table(
        "hand_over",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("course_id", sa.Uuid, nullable=False),
        sa.Column("to_clinic_id", sa.Uuid),
        *(sa.Column(name, AutoString) for name in words),
        sa.Column("state", sa.String(32), nullable=False),
        sa.Column("offered_by", AutoString, nullable=False),
        sa.Column("offered_at", UTCDateTime, nullable=False),
        sa.Column("told_at", UTCDateTime),
        sa.Column("answered_at", UTCDateTime),
        sa.Column("answered_on", sa.Date),
        sa.Column("made_course_id", sa.Uuid),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_hand_over"),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_hand_over_clinic_id"),
        sa.ForeignKeyConstraint(["to_clinic_id"], ["clinic.id"], name="fk_hand_over_to_clinic_id"),
        *(
            sa.ForeignKeyConstraint(
                ["clinic_id", f"{table}_id"],
                [f"{table}.clinic_id", f"{table}.id"],
                name=f"fk_hand_over_clinic_id_{table}_id",
            )
            for table in ("patient", "course")
        ),
        sa.CheckConstraint(f"state IN ({', '.join(map(repr, STATES))})", name=op.f("ck_hand_over_state")),
        sa.CheckConstraint(
            "(to_clinic_id IS NULL) <> (practice IS NULL)", name=op.f("ck_hand_over_one_receiver")
        ),
    )
    offered = sa.text("state = 'offered'")
    op.create_index(
        "uq_hand_over_course", "hand_over", ["clinic_id", "course_id"], unique=True,
        sqlite_where=offered, postgresql_where=offered,
    )  # fmt: skip
    op.create_index("ix_hand_over_to_clinic", "hand_over", ["to_clinic_id", "made_course_id"])


def downgrade() -> None:
    op.drop_table("hand_over")
    op.drop_column("course", "monitored_since")
