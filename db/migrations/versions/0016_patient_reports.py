"""Patient reports: what was told, what it proposes and who decided; a contact's relation and end"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

LEVELS = ("routine", "24h", "same-day", "emergency")


def upgrade() -> None:
    belongs = [("patient", "patient_id"), ("message", "message_id"), ("contact", "contact_id")]
    op.create_table(
        "patient_report",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("contact_id", sa.Uuid),
        sa.Column("kind", AutoString, nullable=False),
        sa.Column("choice", AutoString, nullable=False),
        sa.Column("on", sa.Date),
        sa.Column("text", AutoString),
        sa.Column("level", sa.String(32), nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("work_key", AutoString, nullable=False),
        sa.Column("proposes", AutoString),
        sa.Column("accepted", sa.Boolean),
        sa.Column("decided_by", AutoString),
        sa.Column("decided_at", UTCDateTime),
        sa.Column("decision", AutoString),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_patient_report"),
        *(
            sa.ForeignKeyConstraint(
                ["clinic_id", column],
                [f"{table}.clinic_id", f"{table}.id"],
                name=f"fk_patient_report_clinic_id_{column}",
            )
            for table, column in belongs
        ),
        sa.CheckConstraint(
            "(decided_at IS NULL) = (decided_by IS NULL)",
            name=op.f("ck_patient_report_decision_has_person"),
        ),
        sa.CheckConstraint(
            f"level IN ({', '.join(map(repr, LEVELS))})", name=op.f("ck_patient_report_level")
        ),
    )
    op.create_index("ix_patient_report_patient", "patient_report", ["clinic_id", "patient_id"])
    op.add_column("contact", sa.Column("relation", AutoString))
    op.add_column("contact", sa.Column("ends_on", sa.Date))


def downgrade() -> None:
    op.drop_column("contact", "ends_on")
    op.drop_column("contact", "relation")
    op.drop_table("patient_report")
