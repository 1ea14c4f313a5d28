"""For reports: items that were overdue, each clock's first, and how many kinds of items there are"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

LATE = sa.text("kind = 'test' AND (closed_on IS NULL OR closed_on > last_on_time)")
FIRST = sa.text("kind = 'test' AND ordinal = 1")
# Without them PostgreSQL expects a group for every other item, and neither hashes nor shares the work.
STATISTICS = {
    "item_alike": "clinic_id, class, (last_on_time - due_on), (collected_on - due_on)",
    "item_of_course": "clinic_id, course_id",
}


def upgrade() -> None:
    late = ["clinic_id", "course_id", "clock", "last_on_time", "closed_on", "class", "kind"]
    first = ["clinic_id", "course_id", "due_on", "class", "kind", "ordinal"]
    op.create_index("ix_item_late", "item", late, sqlite_where=LATE, postgresql_where=LATE)
    op.create_index("ix_item_first", "item", first, sqlite_where=FIRST, postgresql_where=FIRST)
    if op.get_bind().dialect.name == "postgresql":
        for name, columns in STATISTICS.items():
            op.execute(f"CREATE STATISTICS {name} ON {columns} FROM item")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in STATISTICS:
            op.execute(f"DROP STATISTICS {name}")
    op.drop_index("ix_item_first", "item")
    op.drop_index("ix_item_late", "item")
