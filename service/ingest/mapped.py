"""The rows of a map's sources as texts under canonical names, each remembering the column it came from."""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path

from service.ingest import dates, tables
from service.ingest.canonical import Table
from service.ingest.cells import Refused
from service.ingest.mapping import PLACE, Check, Given, Lookup, Source, takes
from service.ingest.rows import Line, Problem
from service.ingest.tables import Record

NUMBER = re.compile(r"[+-]?\d{1,12}(\.\d{1,12})?", re.ASCII)
Over = Callable[[Iterator[Record | Problem]], Iterator[Record | Problem]]
NO_LOOKUP = ("no row of the other file belongs to it", "add the row there, or correct the key")


@dataclass(frozen=True, slots=True)
class Texts:
    """One canonical row still as text. `origin` gives the file's own column of a field, for the error."""

    line: Line
    texts: Mapping[str, str]
    origin: Mapping[str, str]


@dataclass(slots=True)
class Reader:
    """Reads one source of a map from a folder."""

    table: Table
    source: Source
    folder: Path
    left_out: int = 0
    _lookups: dict[Lookup, dict[str, str]] = field(default_factory=dict)

    def files(self) -> list[Path]:
        there = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(path for path in there if fnmatchcase(path.name, self.source.files) and path.is_file())

    def problems(self) -> Iterator[Problem]:
        """What is wrong before the first row: no file, or another file that a field looks into."""
        if not self.files():
            remedy = "put it there, or correct files in the map"
            yield Problem(Line(self.source.files, 1), None, "the folder has no such file", remedy)
        for given in self.source.fields.values():
            if given.lookup is not None and given.lookup not in self._lookups:
                found = _read_lookup(self.folder, given.lookup)
                if isinstance(found, Problem):
                    yield found
                else:
                    self._lookups[given.lookup] = found

    def read(self, path: Path, over: Over = iter) -> Iterator[Record | Problem]:
        """The rows of a file that the filters take, `missing` texts emptied. `over` sees every row go by."""
        for record in over(tables.records(path, needs=self.source.reads)):
            if isinstance(record, Record):
                record = self._emptied(record)
                if not takes(self.source.only, record.cells):
                    self.left_out += 1
                    continue
            yield record

    def _emptied(self, record: Record) -> Record:
        if not self.source.missing:
            return record
        cells = {name: "" if text in self.source.missing else text for name, text in record.cells.items()}
        return Record(record.line, cells)

    def formats(self, path: Path) -> dict[str, dates.Format] | Problem:
        """The date format of every date field; a problem when a column of this file does not prove one."""
        found: dict[str, dates.Format] = {}
        for name, given in self.source.fields.items():
            if not self.table.column(name).is_date:
                continue
            if self.source.date_format != dates.PROVE or not given.reads:
                found[name] = dates.Format(dates.ISO if not given.reads else self.source.date_format)
                continue
            try:
                found[name] = dates.prove(self._column(path, name))
            except dates.NoDate as error:
                return Problem(Line(path.name, 1), given.reads[0], error.what, error.remedy)
        return found

    def _column(self, path: Path, name: str) -> Iterator[str]:
        """A date field's texts in the rows that the filters take; one without is refused when it is read."""
        for record in tables.records(path, needs=self.source.reads):
            if isinstance(record, Record):
                cells = self._emptied(record).cells
                if takes(self.source.only, cells):
                    with suppress(Refused):
                        yield self._text(self.source.fields[name], cells, path.name).strip()

    def texts(self, record: Record, formats: Mapping[str, dates.Format]) -> Texts:
        """A row's fields; Refused names the file's own column."""
        origin = {name: (given.reads or (name,))[0] for name, given in self.source.fields.items()}
        found: dict[str, str] = {}
        for name, given in self.source.fields.items():
            try:
                found[name] = self._text(given, record.cells, record.line.file)
                if name in formats:
                    found[name] = formats[name].to_iso(found[name].strip())
            except (dates.NoDate, Refused) as error:
                raise Refused(error.what, error.remedy, origin[name]) from None
        return Texts(record.line, found, origin)

    def _text(self, given: Given, cells: Mapping[str, str], file: str) -> str:
        text = self._raw(given, cells, file)
        if given.capture is not None and text:
            text = _captured(given.capture, text)
        if given.values is None or (text not in given.values and (not text or given.others == "keep")):
            return text
        if text not in given.values:
            raise Refused("the map does not say what this value means", "add it to values in the map")
        return given.values[text]

    def _raw(self, given: Given, cells: Mapping[str, str], file: str) -> str:
        if given.constant is not None:
            return given.constant
        if given.template is not None:
            return PLACE.sub(lambda place: cells[place[1]], given.template)
        if given.file is not None:
            return _captured(given.file, file)
        if given.lookup is not None:
            return self._looked_up(given.lookup, cells)
        return next((cells[name] for name in given.reads if cells[name].strip()), "")

    def _looked_up(self, lookup: Lookup, cells: Mapping[str, str]) -> str:
        try:
            return self._lookups[lookup][cells[lookup.by]]
        except KeyError:
            raise Refused(*NO_LOOKUP) from None


def check(checks: tuple[Check, ...], cells: Mapping[str, str]) -> None:
    """Refused when a figure lies outside the range that the map gives its column."""
    for one in checks:
        figure = number(cells[one.column], one.column)
        if figure is not None and not one.lowest <= figure <= one.highest:
            remedy = "correct it, or its unit"
            raise Refused(f"the figure is not between {one.lowest} and {one.highest}", remedy, one.column)


def number(text: str, column: str) -> Decimal | None:
    """A cell's plain number; None when it is empty."""
    if not text.strip():
        return None
    if not NUMBER.fullmatch(text.strip()):
        raise Refused("this is not a number", "write a plain number, as 12.5", column)
    return Decimal(text.strip())


def _captured(expression: str, text: str) -> str:
    found = re.search(expression, text)
    if found is None or found[1] is None:
        raise Refused(
            "the text has not the form that the map expects", "correct it, or the expression in the map"
        )
    return found[1]


def _read_lookup(folder: Path, lookup: Lookup) -> dict[str, str] | Problem:
    path = folder / lookup.file
    if not path.is_file():
        remedy = "put it there, or correct lookup in the map"
        return Problem(Line(lookup.file, 1), None, "the folder has no such file", remedy)
    found: dict[str, str] = {}
    needs = (lookup.key, lookup.value, *(one.column for one in lookup.only))
    for record in tables.records(path, needs=needs):
        if isinstance(record, Problem):
            return record
        if not takes(lookup.only, record.cells):
            continue
        key, value = record.cells[lookup.key], record.cells[lookup.value]
        if found.setdefault(key, value) != value:
            what = "an earlier row has the same key with another value"
            return Problem(record.line, lookup.key, what, "keep one row for each key")
    return found
