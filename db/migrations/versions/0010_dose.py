"""The dose a course begins with"""

import sqlalchemy as sa
from alembic import op
from sqlmodel import AutoString

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("course", sa.Column("dose", AutoString))


def downgrade() -> None:
    op.drop_column("course", "dose")
