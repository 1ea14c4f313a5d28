"""Claims: since when somebody has a work item"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import UTCDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_item", sa.Column("claimed_at", UTCDateTime))


def downgrade() -> None:
    op.drop_column("work_item", "claimed_at")
