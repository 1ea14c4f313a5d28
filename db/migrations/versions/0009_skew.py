"""Skew: how far the clock of a worker's machine is ahead of the database's"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("heartbeat", sa.Column("ahead_seconds", sa.Float))


def downgrade() -> None:
    op.drop_column("heartbeat", "ahead_seconds")
