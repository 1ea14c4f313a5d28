"""Notices: messages that are no reminders, and the addresses of staff"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

CHECKS = {
    "kind": "kind IN ('reminder', 'alarm', 'digest', 'canary')",
    "reminder_has_a_patient": "kind <> 'reminder' OR patient_id IS NOT NULL",
    "notice_has_a_key": "kind = 'reminder' OR key IS NOT NULL",
}
INDEXES = (
    ("uq_message_notice", ["clinic_id", "kind", "key"], "key IS NOT NULL", True),
    ("ix_message_notice", ["kind", "send_at"], "key IS NOT NULL AND state = 'waiting'", False),
)


def upgrade() -> None:
    op.create_table(
        "staff_address",
        sa.Column("clinic_id", sa.Uuid, nullable=False),
        sa.Column("id", sa.Uuid, nullable=False),
        sa.Column("address", AutoString, nullable=False),
        sa.Column("digest", sa.Boolean, nullable=False),
        sa.Column("alarms", sa.Boolean, nullable=False),
        sa.Column("set_by", AutoString, nullable=False),
        sa.Column("set_at", UTCDateTime, nullable=False),
        sa.Column("removed_at", UTCDateTime),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_staff_address_clinic_id"),
        sa.PrimaryKeyConstraint("clinic_id", "id", name="pk_staff_address"),
    )
    _index("uq_staff_address", "staff_address", ["clinic_id", "address"], "removed_at IS NULL", True)
    with op.batch_alter_table("message") as message:
        message.add_column(sa.Column("kind", sa.String(32), nullable=False, server_default="reminder"))
        message.add_column(sa.Column("key", AutoString))
        message.add_column(sa.Column("staff_address_id", sa.Uuid))
        message.alter_column("patient_id", existing_type=sa.Uuid, nullable=True)
        message.create_foreign_key(
            "fk_message_clinic_id_staff_address_id",
            "staff_address",
            ["clinic_id", "staff_address_id"],
            ["clinic_id", "id"],
        )
        for name, condition in CHECKS.items():
            message.create_check_constraint(op.f(f"ck_message_{name}"), condition)
    for name, columns, where, unique in INDEXES:
        _index(name, "message", columns, where, unique)
    if (
        op.get_bind().dialect.name == "sqlite"
        and op.get_bind().exec_driver_sql("PRAGMA foreign_key_check").all()
    ):
        raise RuntimeError("a row points to one that is not there: restore the last backup")


def downgrade() -> None:
    op.execute("DELETE FROM attempt WHERE message_id IN (SELECT id FROM message WHERE key IS NOT NULL)")
    op.execute("DELETE FROM message WHERE key IS NOT NULL")
    for name, *_ in INDEXES:
        op.drop_index(name, "message")
    with op.batch_alter_table("message") as message:
        for name in CHECKS:
            message.drop_constraint(op.f(f"ck_message_{name}"), type_="check")
        message.drop_constraint("fk_message_clinic_id_staff_address_id", type_="foreignkey")
        message.alter_column("patient_id", existing_type=sa.Uuid, nullable=False)
        for column in ("staff_address_id", "key", "kind"):
            message.drop_column(column)
    op.drop_table("staff_address")


def _index(name: str, table: str, columns: list[str], where: str, unique: bool) -> None:
    on = sa.text(where)
    op.create_index(name, table, columns, unique=unique, sqlite_where=on, postgresql_where=on)
