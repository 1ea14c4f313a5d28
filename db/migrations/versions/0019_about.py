"""What a work item is about, in a sentence"""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("work_item", sa.Column("about", sa.String))


def downgrade() -> None:
    op.drop_column("work_item", "about")
