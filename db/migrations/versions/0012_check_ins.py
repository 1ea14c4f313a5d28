"""Check-ins: what was asked and answered, its level, and which clinics ask"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BOUND = ("asked", "unasked", "late", "unclear")
LEVELS = ("routine", "24h", "same-day", "emergency")


def _one_of(table: str, column: str, words: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(map(repr, words))
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{column}"))


def _belongs(table: str, *others: str) -> list[sa.ForeignKeyConstraint]:
    return [
        sa.ForeignKeyConstraint(
            ["clinic_id", f"{other}_id"],
            [f"{other}.clinic_id", f"{other}.id"],
            name=f"fk_{table}_clinic_id_{other}_id",
        )
        for other in others
    ]


def _key(table: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.PrimaryKeyConstraint("clinic_id", "id", name=f"pk_{table}"),
    ]


def upgrade() -> None:
    op.create_table(
        "check_in",
        *_key("check_in"),
        sa.Column("patient_id", sa.Uuid, nullable=False),
        sa.Column("message_id", sa.Uuid, nullable=False),
        sa.Column("item_id", sa.Uuid),
        sa.Column("bound", sa.String(32), nullable=False),
        sa.Column("set_id", AutoString, nullable=False),
        sa.Column("set_version", sa.Integer, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("level", sa.String(32), nullable=False),
        sa.Column("reasons", sa.Text, nullable=False),
        sa.Column("advice", sa.Text, nullable=False),
        sa.Column("work_key", AutoString),
        sa.Column("at", UTCDateTime, nullable=False),
        *_belongs("check_in", "patient", "message", "item"),
        _one_of("check_in", "bound", BOUND),
        _one_of("check_in", "level", LEVELS),
    )
    op.create_index("ix_check_in_patient", "check_in", ["clinic_id", "patient_id"])
    op.create_index("ix_check_in_at", "check_in", ["clinic_id", "at"])
    op.create_table(
        "check_in_answer",
        *_key("check_in_answer"),
        sa.Column("check_in_id", sa.Uuid, nullable=False),
        sa.Column("question", AutoString, nullable=False),
        sa.Column("choice", AutoString, nullable=False),
        sa.Column("number", AutoString),
        sa.Column("unit", AutoString),
        sa.Column("on", sa.Date),
        sa.Column("text", AutoString),
        *_belongs("check_in_answer", "check_in"),
    )
    op.create_index("ix_check_in_answer", "check_in_answer", ["clinic_id", "check_in_id"])
    op.create_table(
        "check_in_switch",
        *_key("check_in_switch"),
        sa.Column("on", sa.Boolean, nullable=False),
        sa.Column("set_id", AutoString, nullable=False),
        sa.Column("set_version", sa.Integer, nullable=False),
        sa.Column("by", AutoString, nullable=False),
        sa.Column("at", UTCDateTime, nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_check_in_switch_clinic_id"),
    )
    op.create_index("ix_check_in_switch", "check_in_switch", ["clinic_id", "at"])


def downgrade() -> None:
    for table in ("check_in_switch", "check_in_answer", "check_in"):
        op.drop_table(table)
