"""For the front page: who is overdue, counted without the table, and the few courses that were taken back"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

OVERDUE = ["clinic_id", "last_on_time"]
OPEN, VOID = sa.text("class IS NULL"), sa.text("voided_at IS NOT NULL")


def upgrade() -> None:
    _overdue([*OVERDUE, "lapses_on", "held", "course_id", "class"])
    op.create_index("ix_course_void", "course", ["id"], sqlite_where=VOID, postgresql_where=VOID)


def downgrade() -> None:
    op.drop_index("ix_course_void", "course")
    _overdue(OVERDUE)


def _overdue(columns: list[str]) -> None:
    op.drop_index("ix_item_overdue", "item")
    op.create_index("ix_item_overdue", "item", columns, sqlite_where=OPEN, postgresql_where=OPEN)
