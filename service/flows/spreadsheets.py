"""CSV that a spreadsheet only shows: nothing in it is taken for a formula."""

import csv
import io
import unicodedata
from collections.abc import Iterable, Sequence

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a spreadsheet calculate, or run, a cell


def as_csv(columns: Sequence[str], rows: Iterable[Iterable[object]]) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    for row in rows:
        lines.writerow(map(cell, row))
    return text.getvalue()


def cell(value: object) -> object:
    """Text that a spreadsheet would take for a formula is quoted, in full-width letters too."""
    if not isinstance(value, str):
        return value
    narrow = unicodedata.normalize("NFKC", value).lstrip(" ")
    return f"'{value}" if narrow.startswith(FORMULA) else value
