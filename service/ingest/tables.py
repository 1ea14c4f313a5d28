"""CSV files, plain or gzip, as records of text. A hostile file ends in problems, never in a traceback."""

import csv
import gzip
import zlib
from collections import Counter, deque
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from service.ingest.rows import Line, Problem

LONGEST_LINE = 256 * 1024  # bytes
MOST_LINES = 100  # of one record: a quote that is opened and not closed costs one row, not the file
CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Record:
    line: Line
    cells: Mapping[str, str]


class _BadLine(Exception):
    """One physical line that is no text."""


@dataclass(frozen=True, slots=True)
class _Physical:
    number: int
    text: str
    bad: tuple[str, str] | None = None


class _Feed:
    """Gives a csv reader the lines of one record at a time, and takes back those a broken one swallowed."""

    def __init__(self, lines: Iterator[_Physical]) -> None:
        self._lines = lines
        self._waiting: deque[_Physical] = deque()
        self.taken: list[_Physical] = []

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        line = self._peek()
        if line is None or len(self.taken) == MOST_LINES or (line.bad and self.taken):
            raise StopIteration
        self.taken.append(self._waiting.popleft())
        if line.bad:
            raise _BadLine
        return line.text

    def _peek(self) -> _Physical | None:
        if not self._waiting:
            self._waiting.extend([line] if (line := next(self._lines, None)) else [])
        return self._waiting[0] if self._waiting else None

    def put_back(self) -> None:
        self._waiting.extendleft(reversed(self.taken[1:]))


def records(
    path: Path, *, needs: Collection[str] = (), allows: Collection[str] | None = None
) -> Iterator[Record | Problem]:
    """Every row of a file under its header; a problem for each that cannot be read.

    `needs` are the columns that must be there, `allows` all that may be (None: any). A header that does not
    do is one problem, and no rows.
    """
    try:
        with _open(path) as stream:
            yield from _under_header(_rows(path.name, stream), path.name, needs, allows)
    except (OSError, EOFError, zlib.error):
        what = "the file cannot be read to its end"
        yield Problem(Line(path.name, 1), None, what, "send it again, whole and readable")


def count_lines(path: Path) -> int:
    """How many lines a file has, for a progress bar: a row over several lines counts as several."""
    try:
        with _open(path) as stream:
            return sum(chunk.count(b"\n") for chunk in iter(lambda: stream.read(CHUNK), b""))
    except (OSError, EOFError, zlib.error):
        return 0


def _open(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _physical(stream: BinaryIO) -> Iterator[_Physical]:
    number = 0
    while raw := stream.readline(LONGEST_LINE):
        number += 1
        if len(raw) == LONGEST_LINE and not raw.endswith(b"\n"):
            while (rest := stream.readline(CHUNK)) and not rest.endswith(b"\n"):
                pass
            yield _Physical(number, "", ("the line is longer than 256 KiB", "split it into rows"))
        else:
            yield _decode(number, raw)


def _decode(number: int, raw: bytes) -> _Physical:
    if b"\0" in raw:
        return _Physical(
            number, "", ("there is a NUL byte: this is not text", "save the table as CSV in UTF-8")
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return _Physical(number, "", ("there are bytes that are not UTF-8", "save the table as CSV in UTF-8"))
    return _Physical(number, text.removeprefix("\ufeff") if number == 1 else text)


def _rows(name: str, stream: BinaryIO) -> Iterator[tuple[Line, list[str]] | Problem]:
    feed = _Feed(_physical(stream))
    reader = csv.reader(feed, strict=True)
    while True:
        feed.taken.clear()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except _BadLine:
            bad = feed.taken[0]
            yield Problem(Line(name, bad.number), None, *(bad.bad or ("", "")))
        except csv.Error as error:
            yield Problem(Line(name, feed.taken[0].number), None, *_broken(error))
            feed.put_back()
        else:
            yield Line(name, feed.taken[0].number), cells


def _broken(error: csv.Error) -> tuple[str, str]:
    if "field larger" in str(error):
        return "a field is longer than 128 KiB", "shorten it"
    if "end of data" in str(error):
        return "a quote is opened and not closed", 'close it, and write a quote inside a field as ""'
    return "this is not a CSV row", 'put a field with commas, quotes or line breaks in quotes, with "" for "'


def _under_header(
    rows: Iterator[tuple[Line, list[str]] | Problem],
    name: str,
    needs: Collection[str],
    allows: Collection[str] | None,
) -> Iterator[Record | Problem]:
    first = next(rows, None)
    if first is None:
        yield Problem(Line(name, 1), None, "the file is empty", "give it a header and rows, or take it away")
        return
    if isinstance(first, Problem):
        yield first
        return
    header = [cell.strip() for cell in first[1]]
    if problem := _check_header(first[0], header, needs, allows):
        yield problem
        return
    for row in rows:
        if isinstance(row, Problem):
            yield row
        elif len(row[1]) == len(header):
            yield Record(row[0], dict(zip(header, row[1], strict=True)))
        elif row[1]:
            what = f"the header has {len(header)} fields and the row {len(row[1])}"
            yield Problem(row[0], None, what, "give it one field for each column")


def _check_header(
    line: Line, header: list[str], needs: Collection[str], allows: Collection[str] | None
) -> Problem | None:
    if twice := [name for name, times in Counter(header).items() if times > 1]:
        return Problem(line, _short(twice[0]), "two columns have this name", "name each column once")
    if missing := [name for name in needs if name not in header]:
        if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
            return Problem(
                line, None, "the columns are not separated by commas", "save the table with commas"
            )
        return Problem(line, missing[0], "the column is missing", "add it")
    if allows is not None and (unknown := [name for name in header if name not in allows]):
        remedy = f"take it away or use one of {', '.join(allows)}"
        return Problem(line, _short(unknown[0]), "there is no such column", remedy)
    return None


def _short(name: str) -> str:
    """A column's name that is safe to show: it may be a row of data where the header was forgotten."""
    printable = name if name.isprintable() and len(name) <= 40 else ""
    return printable or "(unnamed)"
