"""Many rows at once by Core: the ORM costs five to twenty times as much."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache, partial
from itertools import chain, islice
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast
from uuid import UUID
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from pydantic_core import to_json
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlmodel import Session, SQLModel

from db.types import Moment

Key: TypeAlias = tuple[UUID, UUID]  # (clinic_id, id): a row is asked for by both, or not at all
Values: TypeAlias = Mapping[str, Any]
Item = TypeVar("Item")
Query = TypeVar("Query", sa.Select, sa.Update, sa.Delete, sa.Update | sa.Delete)

SIZE = 500
KEY = ("clinic_id", "id")
_NARROWED: WeakKeyDictionary[Any, dict[sa.ColumnElement[bool], Any]] = WeakKeyDictionary()


def batched(items: Iterable[Item], size: int = SIZE) -> Iterator[tuple[Item, ...]]:
    rest = iter(items)
    while batch := tuple(islice(rest, size)):
        yield batch


def in_order(keys: Iterable[Key]) -> list[Key]:
    """As both databases sort them. By number: an id that is compared as such is a call each time."""
    return sorted(keys, key=lambda key: (key[0].int, key[1].int))


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
    """What a query finds among the rows whose (clinic_id, `column`) is one of the keys.

    A query that is made once and kept is narrowed once too: to build one costs more than to run it.
    """
    for batch in batched(keys):
        among = _among(session, rows, batch, column=column)
        yield from session.execute(_narrowed(query, among.condition), among.given).all()


def _narrowed(query: Query, condition: sa.ColumnElement[bool]) -> Query:
    known = _NARROWED.setdefault(query, {})
    if condition not in known:
        known[condition] = query.where(condition)
    return known[condition]


def newest(
    session: Session, query: sa.Select, rows: sa.Table, patient: Key, *, before: UUID | None, limit: int
) -> Sequence[sa.Row]:
    """What a query finds of one patient, the last made first, from the row made before that one."""
    mine = query.where(same(rows, patient, column="patient_id"))
    if before is not None:
        mine = mine.where(rows.c.id < before)
    return session.execute(mine.order_by(rows.c.id.desc()).limit(limit)).all()


def same(rows: sa.Table, key: tuple[UUID, Any], *, column: str = "id") -> sa.ColumnElement[bool]:
    """(clinic_id, `column`) is the key."""
    return sa.and_(rows.c.clinic_id == key[0], rows.c[column] == key[1])


def bound(rows: sa.Table, *columns: str) -> sa.ColumnElement[bool]:
    """Each column is the parameter of its name: for a statement that is built once and asked often."""
    return sa.and_(*(rows.c[name] == sa.bindparam(name, type_=rows.c[name].type) for name in columns))


class Among(NamedTuple):
    """(clinic_id, `column`) is one of the keys: of one, or of however many, the same condition."""

    condition: sa.ColumnElement[bool]
    given: Values


def _among(session: Session, rows: sa.Table, keys: Sequence[tuple[UUID, Any]], *, column: str) -> Among:
    """PostgreSQL joins the keys; SQLite would read a whole table for pairs, so it looks clinic by clinic."""
    if len(keys) == 1:
        return Among(_is_one(rows, column), {"its_clinic": keys[0][0], "its_value": keys[0][1]})
    if _is_postgres(session):
        given = [{"clinic_id": clinic_id, column: value} for clinic_id, value in keys]
        return Among(_is_given(rows, column), {"its_keys": given})
    by_clinic: dict[UUID, list[Any]] = defaultdict(list)
    for clinic_id, value in keys:
        by_clinic[clinic_id].append(value.hex if isinstance(value, UUID) else value)
    listed = list(enumerate(by_clinic.items()))
    clinics = {f"its_clinic_{number}": clinic_id for number, (clinic_id, _) in listed}
    values = {f"its_values_{number}": json.dumps(some) for number, (_, some) in listed}
    return Among(_is_listed(rows, column, len(listed)), clinics | values)


@cache
def _is_one(rows: sa.Table, column: str) -> sa.ColumnElement[bool]:
    return sa.and_(_bound(rows, "clinic_id", "its_clinic"), _bound(rows, column, "its_value"))


@cache
def _is_given(rows: sa.Table, column: str) -> sa.ColumnElement[bool]:
    given = _rows_of(rows, ("clinic_id", column), partial(sa.bindparam, "its_keys"))
    return sa.tuple_(rows.c.clinic_id, rows.c[column]).in_(sa.select(*given.c))


@lru_cache(maxsize=256)
def _is_listed(rows: sa.Table, column: str, clinics: int) -> sa.ColumnElement[bool]:
    conditions = (
        sa.and_(_bound(rows, "clinic_id", f"its_clinic_{number}"), rows.c[column].in_(_listed(number)))
        for number in range(clinics)
    )
    return sa.or_(sa.false(), *conditions)


def _bound(rows: sa.Table, column: str, name: str) -> sa.ColumnElement[bool]:
    return rows.c[column] == sa.bindparam(name, type_=rows.c[column].type)


def _listed(number: int) -> sa.Select:
    values = sa.bindparam(f"its_values_{number}", type_=sa.Text)
    return sa.select(sa.func.json_each(values).table_valued("value").c.value)


def _given(rows: sa.Table, names: Sequence[str], values: Sequence[Values]) -> Any:
    """Values as rows of a query, all in one parameter: PostgreSQL reads one text faster than many arrays."""
    return _rows_of(rows, names, partial(sa.literal, values))


def _rows_of(rows: sa.Table, names: Sequence[str], parameter: Callable[..., Any]) -> Any:
    columns = [sa.column(name, rows.c[name].type) for name in names]
    moments = tuple(name for name in names if isinstance(rows.c[name].type, Moment))
    given = sa.func.json_to_recordset(sa.cast(parameter(type_=_Rows(moments)), sa.JSON))
    return given.table_valued(*columns, name="given").render_derived(with_types=True)


class _Rows(sa.TypeDecorator[Sequence[Values]]):
    """Rows as one JSON text."""

    impl = sa.Text
    cache_ok = True

    def __init__(self, moments: tuple[str, ...]) -> None:
        super().__init__()
        self.moments = moments

    def process_bind_param(self, value: Sequence[Values] | None, dialect: Dialect) -> str:
        told = (row[name] for row in value or () for name in self.moments)
        if any(moment is not None and moment.tzinfo is None for moment in told):
            raise ValueError("a moment must have timezone information: the machine's must not decide")
        return to_json(value).decode()


def _is_postgres(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def complete(model: type[SQLModel], rows: Iterable[Values]) -> list[dict[str, Any]]:
    """The rows with the model's defaults where they say nothing, so with an id."""
    fixed, made = _defaults(model)
    return [
        {**fixed, **{name: make() for name, make in made.items() if name not in row}, **row} for row in rows
    ]


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
        _insert(session, model, sa.insert(table(model)), batch)
    return whole


def insert_new(session: Session, model: type[SQLModel], rows: Iterable[Values]) -> list[dict[str, Any]]:
    """Insert the rows that break no key, and give them back; who comes second changes nothing."""
    whole, key = complete(model, rows), table(model).primary_key
    statement = upsert(session, model).on_conflict_do_nothing().returning(*key)
    results = [_insert(session, model, statement, batch) for batch in batched(whole)]
    written = {tuple(row) for result in results for row in result}
    return [row for row in whole if tuple(row[column.key] for column in key) in written]


def _insert(
    session: Session, model: type[SQLModel], statement: Any, rows: Sequence[Values]
) -> sa.Result[Any]:
    if not _is_postgres(session) or len(rows) == 1:
        return session.execute(statement, rows)
    names = list(rows[0])
    return session.execute(statement.from_select(names, sa.select(*_given(table(model), names, rows).c)))


def upsert(session: Session, model: type[SQLModel]) -> Any:
    """An INSERT that knows ON CONFLICT, in the words of the session's database."""
    return (postgresql.insert if _is_postgres(session) else sqlite.insert)(table(model))


def change(session: Session, model: type[SQLModel], rows: Iterable[Values], *conditions: Any) -> int:
    """Update rows by key, each giving `clinic_id`, `id` and the same columns to set; how many were changed.

    No key comes twice. A condition says what the row must still be; not that of a partial index: the planner
    would read that whole index for every row. Nor can it be an IN, which takes no lists of parameters.
    """
    all_rows = iter(rows)
    first = next(all_rows, None)
    if first is None:
        return 0
    write = _join if _is_postgres(session) else _each
    return sum(write(session, table(model), batch, conditions) for batch in batched(chain([first], all_rows)))


def update(
    session: Session,
    statement: sa.Update | sa.Delete,
    rows: sa.Table,
    keys: Iterable[tuple[UUID, Any]],
    *,
    column: str = "id",
) -> int:
    """Run an UPDATE over the rows whose (clinic_id, `column`) is one of the keys; how many were changed."""
    among = (_among(session, rows, batch, column=column) for batch in batched(keys))
    results = [session.execute(_narrowed(statement, one.condition), one.given) for one in among]
    return sum(cast(sa.CursorResult, result).rowcount for result in results)


def _join(session: Session, rows: sa.Table, batch: Sequence[Values], conditions: Sequence[Any]) -> int:
    names = list(batch[0])
    given = _given(rows, names, batch)
    same = [rows.c[name] == given.c[name] for name in KEY]
    values = {name: given.c[name] for name in names if name not in KEY}
    statement = sa.update(rows).where(*same, *conditions).values(values)
    return cast(sa.CursorResult, session.execute(statement)).rowcount


def _each(session: Session, rows: sa.Table, batch: Sequence[Values], conditions: Sequence[Any]) -> int:
    statement = _changing(rows, tuple(batch[0]))
    parameters = [{f"its_{name}": value for name, value in row.items()} for row in batch]
    if conditions:
        statement = statement.where(*conditions)
    return cast(sa.CursorResult, session.execute(statement, parameters)).rowcount


@cache
def _changing(rows: sa.Table, names: tuple[str, ...]) -> sa.Update:
    same = [rows.c[name] == sa.bindparam(f"its_{name}") for name in KEY]
    values: Values = {name: sa.bindparam(f"its_{name}") for name in names if name not in KEY}
    return sa.update(rows).where(*same).values(values)
