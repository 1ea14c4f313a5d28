"""Many rows at once by Core: the ORM costs five to twenty times as much."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from itertools import chain, islice
from typing import Any, TypeAlias, TypeVar, cast
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

Key: TypeAlias = tuple[UUID, UUID]  # (clinic_id, id): a row is asked for by both, or not at all
Values: TypeAlias = Mapping[str, Any]
Item = TypeVar("Item")

SIZE = 500
KEY = ("clinic_id", "id")


def batched(items: Iterable[Item], size: int = SIZE) -> Iterator[tuple[Item, ...]]:
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


def table(model: type[SQLModel]) -> sa.Table:
    return cast(sa.Table, model.__table__)  # type: ignore[attr-defined]


def fetch(
    session: Session,
    query: sa.Select,
    rows: sa.Table,
    keys: Iterable[tuple[UUID, Any]],
    *,
    column: str = "id",
) -> Iterator[sa.Row]:
    """What a query finds among the rows whose (clinic_id, `column`) is one of the keys."""
    for batch in batched(keys):
        yield from session.execute(query.where(among(rows, batch, column=column)))


def among(rows: sa.Table, keys: Sequence[tuple[UUID, Any]], *, column: str = "id") -> sa.ColumnElement[bool]:
    """(clinic_id, `column`) is one of the keys, clinic by clinic: SQLite reads a whole table for pairs."""
    by_clinic: dict[UUID, list[Any]] = defaultdict(list)
    for clinic_id, value in keys:
        by_clinic[clinic_id].append(value)
    conditions = (
        sa.and_(rows.c.clinic_id == clinic_id, rows.c[column].in_(values))
        for clinic_id, values in by_clinic.items()
    )
    return sa.or_(sa.false(), *conditions)


def complete(model: type[SQLModel], rows: Iterable[Values]) -> list[dict[str, Any]]:
    """The rows with the model's defaults where they say nothing, so with an id."""
    fixed, made = _defaults(model)
    return [{**fixed, **{name: make() for name, make in made.items()}, **row} for row in rows]


@cache
def _defaults(model: type[SQLModel]) -> tuple[Values, Mapping[str, Callable[[], Any]]]:
    optional = {name: field for name, field in model.model_fields.items() if not field.is_required()}
    made = {name: field.default_factory for name, field in optional.items() if field.default_factory}
    fixed = {name: field.default for name, field in optional.items() if name not in made}
    return fixed, cast(Mapping[str, Callable[[], Any]], made)


def insert(session: Session, model: type[SQLModel], rows: Iterable[Values]) -> list[dict[str, Any]]:
    """Insert rows of columns by name; gives them back with what the model filled in."""
    whole = complete(model, rows)
    for batch in batched(whole):
        session.execute(sa.insert(table(model)), batch)
    return whole


def insert_new(session: Session, model: type[SQLModel], rows: Iterable[Values]) -> None:
    """Insert the rows that break no key; who comes second changes nothing."""
    for batch in batched(complete(model, rows)):
        session.execute(upsert(session, model).on_conflict_do_nothing(), batch)


def upsert(session: Session, model: type[SQLModel]) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the session's database."""
    postgres = session.get_bind().dialect.name == "postgresql"
    return (postgresql.insert if postgres else sqlite.insert)(table(model))


def change(session: Session, model: type[SQLModel], rows: Iterable[Values], *conditions: Any) -> int:
    """Update rows by key, each giving `clinic_id`, `id` and the same columns to set; how many were changed.

    A condition says what the row must still be. It must not be the one of a partial index: the planner would
    read that whole index for every row. Nor can it be an IN, which takes no lists of parameters.
    """
    all_rows = iter(rows)
    first = next(all_rows, None)
    if first is None:
        return 0
    statement = _by_key(table(model), [name for name in first if name not in KEY], conditions)
    return sum(_count(session, statement, batch) for batch in batched(chain([first], all_rows)))


def update(
    session: Session,
    statement: sa.Update,
    rows: sa.Table,
    keys: Iterable[tuple[UUID, Any]],
    *,
    column: str = "id",
) -> int:
    """Run an UPDATE over the rows whose (clinic_id, `column`) is one of the keys; how many were changed."""
    conditions = (among(rows, batch, column=column) for batch in batched(keys))
    results = [session.execute(statement.where(condition)) for condition in conditions]
    return sum(cast(sa.CursorResult, result).rowcount for result in results)


def _by_key(rows: sa.Table, names: Sequence[str], conditions: Sequence[Any]) -> sa.Update:
    same = [rows.c[name] == sa.bindparam(f"its_{name}") for name in KEY]
    return (
        sa.update(rows)
        .where(*same, *conditions)
        .values({name: sa.bindparam(f"its_{name}") for name in names})
    )


def _count(session: Session, statement: sa.Update, batch: Sequence[Values]) -> int:
    parameters = [{f"its_{name}": value for name, value in row.items()} for row in batch]
    return cast(sa.CursorResult, session.execute(statement, parameters)).rowcount
