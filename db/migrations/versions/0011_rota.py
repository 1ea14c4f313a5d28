"""The rota: who is on call at which hours, and the channel on which staff are told"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CHANNELS = ("sms", "email", "push", "voice", "chat", "post", "webhook", "outbox", "worklist")
RUNGS = ("first", "second", "third", "line")


def upgrade() -> None:
    with op.batch_alter_table("staff_address") as staff:
        staff.add_column(sa.Column("channel", sa.String(32), nullable=False, server_default="email"))
        staff.create_check_constraint(op.f("ck_staff_address_channel"), _among("channel", CHANNELS))
    op.create_table(
        "rota",
        *_key("rota"),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("set_by", AutoString, nullable=False),
        sa.Column("set_at", UTCDateTime, nullable=False),
        sa.ForeignKeyConstraint(["clinic_id"], ["clinic.id"], name="fk_rota_clinic_id"),
        sa.UniqueConstraint("clinic_id", "version", name="uq_rota_clinic_id_version"),
    )
    op.create_table(
        "rota_shift",
        *_key("rota_shift"),
        sa.Column("rota_id", sa.Uuid, nullable=False),
        sa.Column("rung", sa.String(32), nullable=False),
        sa.Column("person", AutoString, nullable=False),
        sa.Column("user_id", sa.Uuid),
        sa.Column("staff_address_id", sa.Uuid, nullable=False),
        sa.Column("weekdays", AutoString, nullable=False),
        sa.Column("begins", sa.Time, nullable=False),
        sa.Column("ends", sa.Time, nullable=False),
        *(_belongs(table) for table in ("rota", "staff_address")),
        sa.ForeignKeyConstraint(["user_id"], ["user_account.id"], name="fk_rota_shift_user_id"),
        sa.CheckConstraint(_among("rung", RUNGS), name=op.f("ck_rota_shift_rung")),
    )
    op.create_index("ix_rota_shift_rota", "rota_shift", ["clinic_id", "rota_id"])


def downgrade() -> None:
    op.drop_table("rota_shift")
    op.drop_table("rota")
    with op.batch_alter_table("staff_address") as staff:
        staff.drop_constraint(op.f("ck_staff_address_channel"), type_="check")
        staff.drop_column("channel")


def _key(table: str) -> tuple[sa.Column | sa.PrimaryKeyConstraint, ...]:
    names = ("clinic_id", "id")
    columns = (sa.Column(name, sa.Uuid, nullable=False) for name in names)
    return (*columns, sa.PrimaryKeyConstraint(*names, name=f"pk_{table}"))


def _belongs(table: str) -> sa.ForeignKeyConstraint:
    names, target = ["clinic_id", f"{table}_id"], [f"{table}.clinic_id", f"{table}.id"]
    return sa.ForeignKeyConstraint(names, target, name=f"fk_rota_shift_{'_'.join(names)}")


def _among(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(map(repr, words))})"
