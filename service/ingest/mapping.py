"""The model of a map file: how other people's tables become the five canonical ones."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import phonenumbers
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from schedules.facts import EventType
from service.ingest import canonical, dates
from service.ingest.build import Options

LARGEST_FILE = 256 * 1024
MOST_SOURCES = 20  # of a table: each reads its files again
PLACE = re.compile(r"\{([^{}]*)\}")
DRIVEN = frozenset({"type", "reason", "dose"})  # of an event that rules derive


class MapError(ValueError):
    """A map that cannot be used: file, key and reason, in one sentence."""

    def __init__(self, reason: str, *, where: str, key: str = "") -> None:
        self.where, self.key, self.reason = where, key, reason
        super().__init__(": ".join(part for part in (where, key, reason) if part))


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def _file_name(text: str) -> str:
    if re.search(r"[/\\\x00-\x1f]", text) or text in ("", ".", ".."):
        raise ValueError("write a file's name in the folder, or a pattern as UPN_*.csv")
    return text


def _expression(text: str) -> str:
    try:
        groups = re.compile(text).groups
    except re.error:
        raise ValueError("this is not a regular expression") from None
    if groups != 1:
        raise ValueError("mark the part that is wanted with one pair of brackets")
    return text


def _format(text: str) -> str:
    return text if text == dates.PROVE else dates.Format.of(text).text


def _region(text: str) -> str:
    if text not in phonenumbers.SUPPORTED_REGIONS:
        raise ValueError("there is no such region: write two letters, as GB")
    return text


Text = Annotated[str, StringConstraints(max_length=2000)]
FileName = Annotated[str, StringConstraints(max_length=255), AfterValidator(_file_name)]
Expression = Annotated[str, StringConstraints(max_length=500), AfterValidator(_expression)]
DateFormat = Annotated[str, AfterValidator(_format)]


class Filter(Model):
    """Takes only the rows whose column is one of some texts, or is filled."""

    column: Text
    is_: tuple[Text, ...] | None = Field(default=None, alias="is", min_length=1)
    filled: Literal[True] | None = None

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if (self.is_ is None) == (self.filled is None):
            raise ValueError("give is = [...] or filled = true")
        return self

    def takes(self, text: str) -> bool:
        return bool(text) if self.is_ is None else text in self.is_


class Lookup(Model):
    """The value of another file of the folder, in the row whose `key` column equals our `by` column."""

    file: FileName
    only: tuple[Filter, ...] = ()
    key: Text
    value: Text
    by: Text


class Given(Model):
    """Where one field's text comes from: one of the first six; then what is done with it."""

    column: Text | None = None
    columns: tuple[Text, ...] | None = Field(default=None, min_length=1)  # the first that is filled
    constant: Text | None = None
    template: Text | None = None  # "Subject {SUBJID}"
    file: Expression | None = None  # captured from the file's name
    lookup: Lookup | None = None
    capture: Expression | None = None
    values: Mapping[str, Text] | None = None
    others: Literal["refuse", "keep"] = "refuse"  # texts that `values` does not name

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        origins = (self.column, self.columns, self.constant, self.template, self.file, self.lookup)
        if sum(origin is not None for origin in origins) != 1:
            raise ValueError("give one of column, columns, constant, template, file, lookup")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns of the source's own file."""
        if self.template is not None:
            return tuple(PLACE.findall(self.template))
        by = self.lookup.by if self.lookup else None
        return tuple(name for name in (self.column, *(self.columns or ()), by) if name is not None)


def _given(value: object) -> object:
    return {"column": value} if isinstance(value, str) else value


def takes(filters: Iterable[Filter], cells: Mapping[str, str]) -> bool:
    """Whether a row passes every filter."""
    return all(one.takes(cells[one.column]) for one in filters)


class Check(Model):
    """A column whose figure must lie in a range, or its row is refused: for files that are plainly broken."""

    column: Text
    lowest: Decimal
    highest: Decimal


class Wide(Model):
    """A column that holds one analyte's values."""

    column: Text
    analyte: Text
    unit: Text


class Rule(Model):
    """An event where a dose changes, in date order. A dose after 0 is compared with the one before it."""

    column: Text
    when: Literal["becomes 0", "becomes positive after 0", "rises", "falls"]
    type: EventType
    reason: Text | None = None


class Source(Model):
    """Files that give rows of one table."""

    files: FileName
    fields: Mapping[str, Annotated[Given, BeforeValidator(_given)]]
    date_format: DateFormat = dates.ISO
    missing: tuple[Text, ...] = ()  # texts that mean an empty cell
    only: tuple[Filter, ...] = ()
    checks: tuple[Check, ...] = ()
    wide: tuple[Wide, ...] = ()
    rules: tuple[Rule, ...] = ()
    earliest: Literal["start"] | None = None  # of each patient's rows only the first, for courses

    @property
    def reads(self) -> tuple[str, ...]:
        """Every column the files must have, once."""
        named = [name for given in self.fields.values() for name in given.reads]
        parts: Iterable[Filter | Check | Wide | Rule] = (*self.only, *self.checks, *self.wide, *self.rules)
        return tuple(dict.fromkeys([*named, *(part.column for part in parts)]))

    def check(self, name: str) -> None:
        """ValueError when this is no source of the table: a field it has not, or one that is missing."""
        table = canonical.TABLES[name]
        if unknown := [field for field in self.fields if field not in table.names]:
            raise ValueError(
                f"fields.{unknown[0]}: there is no such field, use one of {', '.join(table.names)}"
            )
        if self.wide and name != "results":
            raise ValueError("wide: only results are made from columns")
        if self.rules and name != "events":
            raise ValueError("rules: only events are derived")
        if self.earliest and name != "courses":
            raise ValueError("earliest: only courses have a start")
        given = {*self.fields, *(("analyte", "value", "unit") if self.wide else DRIVEN if self.rules else ())}
        if missing := [field for field in table.required if field not in given]:
            raise ValueError(f"fields.{missing[0]}: is missing")
        self._check_proof(table)

    def _date_fields(self, table: canonical.Table) -> list[str]:
        return [field for field in self.fields if table.column(field).is_date]

    def _check_proof(self, table: canonical.Table) -> None:
        for field in self._date_fields(table):
            if self.date_format == dates.PROVE and self.fields[field].lookup is not None:
                raise ValueError(f"fields.{field}: a date from another file needs a stated date_format")


Sources = Annotated[tuple[Source, ...], Field(max_length=MOST_SOURCES)]


class Map(Model):
    """A whole map: sources for each canonical table, and what holds for all of them."""

    region: Annotated[str, AfterValidator(_region)] | None = None
    implausible: Literal["keep", "refuse"] = "keep"
    unit_aliases: Mapping[str, Text] = Field(default_factory=dict)
    patients: Sources = ()
    contacts: Sources = ()
    courses: Sources = ()
    events: Sources = ()
    results: Sources = ()

    @model_validator(mode="after")
    def _sound(self) -> Self:
        if not any(self.sources(name) for name in canonical.TABLES):
            raise ValueError(f"name the files of at least one of {', '.join(canonical.TABLES)}")
        for name in canonical.TABLES:
            for number, source in enumerate(self.sources(name)):
                try:
                    source.check(name)
                except ValueError as error:
                    raise ValueError(f"{name}.{number}.{error}") from None
        return self

    def sources(self, table: str) -> tuple[Source, ...]:
        found: tuple[Source, ...] = getattr(self, table)
        return found

    @property
    def every(self) -> tuple[Source, ...]:
        return tuple(chain.from_iterable(self.sources(name) for name in canonical.TABLES))

    def options(self, region: str | None) -> Options:
        return Options(
            region=self.region or region,
            refuse_implausible=self.implausible == "refuse",
            unit_aliases=self.unit_aliases,
        )


def load(path: Path) -> Map:
    """Read a map file. MapError names the file, the key and the reason."""
    try:
        with path.open("rb") as stream:
            raw = stream.read(LARGEST_FILE + 1)
    except OSError:
        raise MapError("the map cannot be read", where=path.name) from None
    return parse(raw, where=path.name)


def parse(raw: bytes, *, where: str) -> Map:
    if len(raw) > LARGEST_FILE:
        raise MapError("a map is at most 256 KiB", where=where)
    try:
        document: dict[str, Any] = tomllib.loads(raw.decode())
    except (ValueError, RecursionError) as error:
        raise MapError(f"this is not TOML: {_line(str(error))}", where=where) from None
    try:
        return Map.model_validate(document)
    except ValidationError as error:
        reason, key = _first(error)
        raise MapError(reason, where=where, key=key) from None


def _first(error: ValidationError) -> tuple[str, str]:
    """The reason and the key of the first thing that is wrong."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    reasons = {"extra_forbidden": "there is no such key", "missing": "is missing"}
    reason = reasons.get(found["type"], found["msg"].removeprefix("Value error, "))
    return _line(reason), _line(".".join(str(part) for part in found["loc"]))


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
