"""Lanes: the pace, the breaker and the release of each transport; receipts, and who still waits for one"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString, UTCDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TEXT, MOMENT = AutoString, UTCDateTime
CHANNELS = ("sms", "email", "push", "voice", "chat", "post", "webhook", "outbox", "worklist")


def _words(table: str, column: str, *words: str) -> sa.Column:
    kind = sa.Enum(
        *words, name=op.f(f"ck_{table}_{column}"), native_enum=False, create_constraint=True, length=32
    )
    return sa.Column(column, kind, nullable=False)


def upgrade() -> None:
    op.create_table(
        "lane",
        _words("lane", "channel", *CHANNELS),
        sa.Column("place", TEXT),
        sa.Column("released_at", MOMENT),
        sa.Column("released_by", TEXT),
        sa.Column("free_at", MOMENT),
        sa.Column("closed_until", MOMENT),
        sa.Column("probe_until", MOMENT),
        sa.Column("refused", sa.Integer, nullable=False),
        sa.Column("refusing_since", MOMENT),
        sa.Column("code", TEXT),
        sa.PrimaryKeyConstraint("channel", name="pk_lane"),
    )
    op.create_table(
        "receipt",
        sa.Column("key", sa.Uuid, nullable=False),
        _words("receipt", "channel", *CHANNELS),
        _words("receipt", "state", "delivered", "undelivered"),
        sa.Column("code", TEXT),
        sa.Column("bad_address", sa.Boolean, nullable=False),
        sa.Column("received_at", MOMENT, nullable=False),
        sa.Column("matched_at", MOMENT),
        sa.PrimaryKeyConstraint("key", "channel", "state", name="pk_receipt"),
    )
    _index_where("ix_receipt_unmatched", "receipt", "received_at", "matched_at IS NULL")
    for name in ("slot_at", "receipt_by", "unconfirmed_at"):
        op.add_column("message", sa.Column(name, MOMENT))
    _index_where("ix_message_receipt_by", "message", "receipt_by", "receipt_by IS NOT NULL")


def _index_where(name: str, table: str, column: str, where: str) -> None:
    condition = sa.text(where)
    op.create_index(name, table, [column], sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    op.drop_index("ix_message_receipt_by", "message")
    for name in ("unconfirmed_at", "receipt_by", "slot_at"):
        op.drop_column("message", name)
    op.drop_table("receipt")
    op.drop_table("lane")
