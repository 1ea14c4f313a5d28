"""CSV files become rows of text, and every bad line one problem that names it."""

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ingest import tables
from service.ingest.rows import Problem
from service.ingest.tables import Record


def read(path: Path, raw: bytes, **columns: object) -> list[Record | Problem]:
    path.write_bytes(raw)
    return list(tables.records(path, **columns))  # type: ignore[arg-type]


def told(found: list[Record | Problem]) -> list[str]:
    return [
        str(one) if isinstance(one, Problem) else f"{one.line.number}: {'|'.join(one.cells.values())}"
        for one in found
    ]


GOOD = {
    "plain": (b"a,b\n1,2\n", ["2: 1|2"]),
    "byte order mark": (b"\xef\xbb\xbfa,b\n1,2\n", ["2: 1|2"]),
    "carriage returns": (b"a,b\r\n1,2\r\n", ["2: 1|2"]),
    "no last line break": (b"a,b\n1,2", ["2: 1|2"]),
    "quotes": (b'"a","b"\n"1,5","say ""two"""\n', ['2: 1,5|say "two"']),
    "a line break in quotes": (b'a,b\n"1\n2",3\n4,5\n', ["2: 1\n2|3", "4: 4|5"]),
    "blank lines are no rows": (b"a,b\n\n1,2\n\n", ["3: 1|2"]),
    "spaces around a column's name": (b" a ,b\n1,2\n", ["2: 1|2"]),
    "spaces in a cell stay": (b"a,b\n 1 ,2\n", ["2:  1 |2"]),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_file_gives_its_rows(case: str, tmp_path: Path) -> None:
    raw, wanted = GOOD[case]
    assert told(read(tmp_path / "x.csv", raw, needs=("a", "b"), allows=("a", "b"))) == wanted
    assert told(read(tmp_path / "x.csv.gz", gzip.compress(raw), needs=("a", "b"))) == wanted


NOT_TEXT = "there is a NUL byte: this is not text; save the table as CSV in UTF-8."
NOT_UTF8 = "there are bytes that are not UTF-8; save the table as CSV in UTF-8."
LONG = "the line is longer than 256 KiB; split it into rows."
OPEN = 'a quote is opened and not closed; close it, and write a quote inside a field as "".'
NO_ROW = 'this is not a CSV row; put a field with commas, quotes or line breaks in quotes, with "" for ".'
BAD = {
    "empty": (b"", ["x.csv line 1: the file is empty; give it a header and rows, or take it away."]),
    "only blank": (
        b"\n",
        ["x.csv line 1, column a: the column is missing; add it."],
    ),
    "binary": (bytes(range(256)), [f"x.csv line 1: {NOT_TEXT}"]),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), [f"x.csv line 1: {NOT_TEXT}"]),
    "Latin-1 in one row": (b"a,b\nM\xfcller,2\n3,4\n", [f"x.csv line 2: {NOT_UTF8}", "3: 3|4"]),
    "a surrogate in one row": (b"a,b\n\xed\xa0\x80,2\n3,4\n", [f"x.csv line 2: {NOT_UTF8}", "3: 3|4"]),
    "NUL in one row": (b"a,b\n1\x00,2\n3,4\n", [f"x.csv line 2: {NOT_TEXT}", "3: 3|4"]),
    "a line of 10 MB": (b"a,b\n" + b"x" * 10_000_000 + b"\n3,4\n", [f"x.csv line 2: {LONG}", "3: 3|4"]),
    "nothing but 10 MB": (b"x" * 10_000_000, [f"x.csv line 1: {LONG}"]),
    "a huge field": (
        b"a,b\n" + b"x" * 140_000 + b",2\n3,4\n",
        ["x.csv line 2: a field is longer than 128 KiB; shorten it.", "3: 3|4"],
    ),
    "too few fields": (
        b"a,b\n1\n3,4\n",
        [
            "x.csv line 2: the header has 2 fields and the row 1; give it one field for each column.",
            "3: 3|4",
        ],
    ),
    "too many fields": (
        b"a,b\n1,2,3\n",
        ["x.csv line 2: the header has 2 fields and the row 3; give it one field for each column."],
    ),
    "a quote that is not closed": (b'a,b\n"1,2\n3,4\n5,6\n', [f"x.csv line 2: {OPEN}", "3: 3|4", "4: 5|6"]),
    "text after a quote": (b'a,b\n"1"x,2\n3,4\n', [f"x.csv line 2: {NO_ROW}", "3: 3|4"]),
    "a NUL inside quotes": (
        b'a,b\n"1\n\x00",2\n3,4\n',
        [f"x.csv line 2: {OPEN}", f"x.csv line 3: {NOT_TEXT}", "4: 3|4"],
    ),
    "old line ends": (b"a,b\r1,2\r", [f"x.csv line 1: {NO_ROW}"]),
    "two columns of one name": (
        b"a,b,a\n1,2,3\n",
        ["x.csv line 1, column a: two columns have this name; name each column once."],
    ),
    "a missing column": (b"b\n2\n", ["x.csv line 1, column a: the column is missing; add it."]),
    "an unknown column": (
        b"a,b,note\n1,2,3\n",
        ["x.csv line 1, column note: there is no such column; take it away or use one of a, b."],
    ),
    "a header that was forgotten": (
        b"a,b," + b"somebody's story " * 9 + b"\n",
        ["x.csv line 1, column (unnamed): there is no such column; take it away or use one of a, b."],
    ),
    "semicolons": (
        b"a;b\n1;2\n",
        ["x.csv line 1: the columns are not separated by commas; save the table with commas."],
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_line_is_one_problem_and_the_good_ones_go_on(case: str, tmp_path: Path) -> None:
    raw, wanted = BAD[case]
    assert told(read(tmp_path / "x.csv", raw, needs=("a", "b"), allows=("a", "b"))) == wanted


CUT_SHORT = gzip.compress(b"a,b\n" + b"1,2\n" * 9999)[:-10]


@pytest.mark.parametrize(
    "raw", [b"no gzip", CUT_SHORT, b"\x1f\x8b"], ids=["no gzip", "cut short", "its mark alone"]
)
def test_a_broken_gzip_file_is_one_problem(raw: bytes, tmp_path: Path) -> None:
    problems = [one for one in read(tmp_path / "x.csv.gz", raw) if isinstance(one, Problem)]
    wanted = "x.csv.gz line 1: the file cannot be read to its end; send it again, whole and readable."
    assert [str(one) for one in problems] == [wanted]
    assert tables.count_lines(tmp_path / "x.csv.gz") == 0


def test_a_file_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    assert isinstance(next(tables.records(tmp_path / "x.csv")), Problem)


def test_lines_are_counted_for_the_progress_bar(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(b"a,b\n" * 12)
    assert tables.count_lines(tmp_path / "x.csv") == 12


@settings(max_examples=300, deadline=None)
@given(
    raw=st.lists(st.sampled_from([b"a,b\n", b'"', b",", b"\n", b"\r", b"x", b"\x00", b"\xff", "é".encode()]))
)
def test_no_bytes_at_all_raise_and_no_line_is_told_twice(
    raw: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    found = read(tmp_path_factory.getbasetemp() / "fuzz.csv", b"a,b\n" + b"".join(raw))
    numbers = [one.line.number for one in found]
    assert numbers == sorted(set(numbers))
