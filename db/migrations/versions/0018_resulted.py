"""When the laboratory resulted a value: of two versions of one the later stands, whichever came first"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("result", sa.Column("resulted_at", sa.DateTime(timezone=True)))


def downgrade() -> None:
    op.drop_column("result", "resulted_at")
