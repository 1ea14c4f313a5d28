"""Doubts: which try repeats one of unknown outcome, and when a doubtful message is looked at again"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("attempt", sa.Column("repeats", sa.Uuid))
    unknown = sa.text("state = 'unknown'")
    op.create_index(
        "ix_message_unknown", "message", ["lease_until"], sqlite_where=unknown, postgresql_where=unknown
    )


def downgrade() -> None:
    op.drop_index("ix_message_unknown", "message")
    op.drop_column("attempt", "repeats")
