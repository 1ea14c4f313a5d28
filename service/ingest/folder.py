"""A folder of records as a batch of facts: canonical tables by their names, others through a map."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from service.ingest import canonical, dates, derive, mapped, tables
from service.ingest.build import Options
from service.ingest.canonical import TABLES, Table
from service.ingest.cells import Refused
from service.ingest.derive import Dose
from service.ingest.gather import Gathering
from service.ingest.mapped import Reader
from service.ingest.mapping import Map
from service.ingest.rows import Batch, CourseRow, EventRow, Line, Problem, Row
from service.ingest.tables import Record

Progress = Callable[[int, int], None]
STEP = 1000  # rows between two reports of progress


@dataclass(slots=True)
class _Meter:
    """Lines done and lines in all, for a progress bar."""

    report: Progress
    total: int
    done: int = 0

    def over(self, found: Iterator[Record | Problem]) -> Iterator[Record | Problem]:
        for one in found:
            yield one
            self.done = min(self.done + 1, self.total)
            if self.done % STEP == 0:
                self.report(self.done, self.total)


@dataclass(slots=True)
class _Take:
    """What the rows of one source become: nothing is given up before all of a line has been read."""

    reader: Reader
    options: Options
    gathering: Gathering
    doses: list[Dose] = field(default_factory=list)
    first: dict[object, CourseRow] = field(default_factory=dict)

    def record(self, record: Record, formats: dict[str, dates.Format]) -> None:
        texts = self.reader.texts(record, formats)
        try:
            found = list(self._rows(texts, record))
        except Refused as error:
            column = texts.origin.get(error.column or "", error.column)
            raise Refused(error.what, error.remedy, column) from None
        mapped.check(self.reader.source.checks, record.cells)
        for row, column in found:
            self._row(row, record, column)

    def _rows(self, texts: mapped.Texts, record: Record) -> Iterator[tuple[Row, str | None]]:
        table, source = self.reader.table, self.reader.source
        if not source.wide:
            event = {"type": source.rules[0].type} if source.rules else {}
            row = canonical.row(table, texts.line, {**texts.texts, **event}, self.options)
            yield row, texts.origin.get(table.tells or "")
        for wide in source.wide:
            if text := record.cells[wide.column].strip():
                result = {"analyte": wide.analyte, "value": text, "unit": wide.unit}
                try:
                    row = canonical.row(table, texts.line, {**texts.texts, **result}, self.options)
                except Refused as error:
                    own = error.column in result
                    raise Refused(error.what, error.remedy, wide.column if own else error.column) from None
                yield row, wide.column

    def _row(self, row: Row, record: Record, column: str | None) -> None:
        source = self.reader.source
        if source.rules and isinstance(row, EventRow):
            amounts = {
                rule.column: mapped.number(record.cells[rule.column], rule.column) for rule in source.rules
            }
            given = {name: amount for name, amount in amounts.items() if amount is not None}
            self.doses.append(Dose(row, given))
        elif source.earliest and isinstance(row, CourseRow):
            self._earliest(row)
        else:
            self.gathering.add(row, column)

    def _earliest(self, row: CourseRow) -> None:
        kept = self.first.setdefault((row.patient, row.protocol), row)
        if row.start < kept.start:
            self.first[row.patient, row.protocol] = row

    def finish(self) -> None:
        for row in self.first.values():
            self.gathering.add(row)
        for found in derive.events(self.doses, self.reader.source.rules):
            if isinstance(found, Problem):
                self.gathering.refuse("events", found)
            else:
                self.gathering.add(found)


def read(
    folder: Path,
    mapping: Map | None = None,
    *,
    region: str | None = None,
    progress: Progress = lambda done, total: None,
) -> Batch:
    """Everything a folder says. Never raises for what is in the files: that is an error of the batch.

    `region` is the country of telephone numbers without one, as GB; a map's own comes first.
    """
    gathering = Gathering()
    if mapping is None:
        _canonical(folder, Options(region=region), gathering, progress)
    else:
        _mapped(folder, mapping, region, gathering, progress)
    return gathering.batch()


def _canonical(folder: Path, options: Options, gathering: Gathering, progress: Progress) -> None:
    found = {table.name: _files_of(folder, table) for table in TABLES.values()}
    known = list(chain.from_iterable(found.values()))
    meter = _Meter(progress, sum(tables.count_lines(path) for path in known))
    gathering.warnings.extend(_strangers(folder, known))
    if not known:
        what = "the folder has none of the tables"
        gathering.errors.append(Problem(Line(folder.name, 1), None, what, f"add {_names()}, or give a map"))
    for name, paths in found.items():
        for path in paths[:1]:
            _table(path, TABLES[name], options, gathering, meter)
        for path in paths[1:]:
            what = f"{paths[0].name} is the same table"
            gathering.refuse(name, Problem(Line(path.name, 1), None, what, "keep one of the two files"))
    progress(meter.total, meter.total)


def _files_of(folder: Path, table: Table) -> list[Path]:
    return [path for end in (".csv", ".csv.gz") if (path := folder / f"{table.name}{end}").is_file()]


def _names() -> str:
    return ", ".join(f"{name}.csv" for name in TABLES)


def _strangers(folder: Path, known: list[Path]) -> Iterator[Problem]:
    for path in sorted(folder.glob("*.csv*")):
        if path not in known:
            what = "the file is not read"
            yield Problem(Line(path.name, 1), None, what, f"name it one of {_names()}, or give a map")


def _table(path: Path, table: Table, options: Options, gathering: Gathering, meter: _Meter) -> None:
    for found in meter.over(tables.records(path, needs=table.required, allows=table.names)):
        gathering.tables[table.name].lines += 1
        if isinstance(found, Problem):
            gathering.refuse(table.name, found)
            continue
        try:
            gathering.add(canonical.row(table, found.line, found.cells, options), table.tells)
        except Refused as error:
            gathering.refuse(table.name, _problem(found.line, error))


def _problem(line: Line, error: Refused) -> Problem:
    return Problem(line, error.column, error.what, error.remedy)


def _mapped(folder: Path, mapping: Map, region: str | None, gathering: Gathering, progress: Progress) -> None:
    readers = [
        Reader(table, source, folder) for table in TABLES.values() for source in mapping.sources(table.name)
    ]
    total = sum(tables.count_lines(path) for reader in readers for path in reader.files())
    meter = _Meter(progress, total)
    for reader in readers:
        _source(_Take(reader, mapping.options(region), gathering), meter)
    progress(total, total)


def _source(take: _Take, meter: _Meter) -> None:
    reader, name = take.reader, take.reader.table.name
    if problems := list(reader.problems()):
        for problem in problems:
            take.gathering.refuse(name, problem)
        return
    for path in reader.files():
        formats = reader.formats(path)
        if isinstance(formats, Problem):
            take.gathering.refuse(name, formats)
            continue
        for found in reader.read(path, meter.over):
            take.gathering.tables[name].lines += 1
            _taken(take, found, formats)
    take.gathering.tables[name].left_out += reader.left_out
    take.gathering.tables[name].lines += reader.left_out
    take.finish()


def _taken(take: _Take, found: Record | Problem, formats: dict[str, dates.Format]) -> None:
    name = take.reader.table.name
    if isinstance(found, Problem):
        take.gathering.refuse(name, found)
        return
    try:
        take.record(found, formats)
    except Refused as error:
        take.gathering.refuse(name, _problem(found.line, error))
