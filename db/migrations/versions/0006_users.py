"""Users and their keys, sessions, stored answers, and the version of a patient's row"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TEXT, MOMENT = AutoString, UTCDateTime
ROLES = ("coordinator", "clinician", "reporter", "admin")


def _role() -> sa.Enum:
    return sa.Enum(*ROLES, name="role", native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.create_table(
        "user_account",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("clinic_id", sa.Uuid),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("role", _role(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("revoked_at", MOMENT),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_user_account_clinic_id"),
        sa.PrimaryKeyConstraint("id", name="pk_user_account"),
    )
    op.create_table(
        "api_key",
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("clinic_id", sa.Uuid),
        sa.Column("user_id", sa.Uuid, nullable=False),
        sa.Column("role", _role(), nullable=False),
        sa.Column("prefix", TEXT, nullable=False),
        sa.Column("secret_hash", TEXT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_on", sa.Date),
        sa.Column("revoked_at", MOMENT),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_api_key_clinic_id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_api_key_user_id"),
        sa.PrimaryKeyConstraint("id", name="pk_api_key"),
        sa.UniqueConstraint("prefix", name="uq_api_key_prefix"),
    )
    op.create_index("ix_api_key_user_id", "api_key", ["user_id"])
    op.create_table(
        "sign_in",
        sa.Column("token_hash", TEXT, nullable=False),
        sa.Column("key_id", sa.Uuid, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("seen_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["key_id"], ["api_key.id"], name="fk_sign_in_key_id"),
        sa.PrimaryKeyConstraint("token_hash", name="pk_sign_in"),
    )
    op.create_index("ix_sign_in_key_id", "sign_in", ["key_id"])
    op.create_table(
        "stored_answer",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("operation", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("request_hash", TEXT, nullable=False),
        sa.Column("status", sa.Integer, nullable=False),
        sa.Column("headers", sa.Text, nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_stored_answer_clinic_id"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_stored_answer"),
        sa.UniqueConstraint("clinic_id", "operation", "key", name="uq_stored_answer_clinic_id_operation_key"),
    )
    op.create_index("ix_stored_answer_created_at", "stored_answer", ["clinic_id", "created_at"])
    op.add_column("patient", sa.Column("version", sa.Integer, nullable=False, server_default="1"))


def downgrade() -> None:
    op.drop_column("patient", "version")
    for table in ("stored_answer", "sign_in", "api_key", "user_account"):
        op.drop_table(table)
