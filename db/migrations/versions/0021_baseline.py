"""Before the first dose: what was attested of a course's baseline, and who let it begin without the rest"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("course", sa.Column("baseline", sa.Text))


def downgrade() -> None:
    op.drop_column("course", "baseline")
