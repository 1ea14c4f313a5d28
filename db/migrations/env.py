"""Runs on the connection that `db.migrations` hands over; from Alembic's own command line, on `-x url=…`."""

from alembic import context
from sqlalchemy.engine import Connection

from db import tables
from db.engine import make_engine


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=tables.METADATA,
        render_as_batch=True,
        transactional_ddl=True,
    )
    with context.begin_transaction():
        context.run_migrations()


def main() -> None:
    given = context.config.attributes.get("connection")
    if given is not None:
        run(given)
        return
    with make_engine(context.get_x_argument(as_dictionary=True)["url"]).begin() as connection:
        run(connection)


main()
