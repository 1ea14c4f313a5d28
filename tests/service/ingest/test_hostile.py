"""Hostile text comes back byte for byte or is refused with a sentence; no file at all raises."""

import csv
import io
import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.ingest import folder as folders
from service.ingest import mapping
from tests.service.ingest.conftest import Folder

STRINGS: list[str] = json.loads((Path(__file__).parents[2] / "data/blns/blns.json").read_text("utf-8"))
PLACES = {
    "name": ("patients", {"birth_date": "1980-02-29"}),
    "consent_wording": ("contacts", {"channel": "sms", "address": "+442079460123"}),
    "reason": ("events", {"protocol": "x", "on": "2026-01-05", "type": "hold"}),
}


def written(rows: list[dict[str, str]]) -> str:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def controls(text: str, allowed: str) -> bool:
    return any(unicodedata.category(sign) == "Cc" and sign not in allowed for sign in text)


@pytest.mark.parametrize(
    ("column", "allowed"), [("name", ""), ("consent_wording", "\t\n\r"), ("reason", "\t\n\r")]
)
def test_naughty_strings_come_back_byte_for_byte_or_are_refused(
    column: str, allowed: str, folder: Folder
) -> None:
    table, rest = PLACES[column]
    rows = [
        {"clinic": "North", "mrn": str(number), **rest, column: text} for number, text in enumerate(STRINGS)
    ]
    batch = folders.read(folder(**{f"{table}__csv": written(rows)}))
    kept = {int(row.patient[2]): getattr(row, column) or "" for row in getattr(batch, table)}
    longest = 200 if column == "name" else 4000
    for number, text in enumerate(STRINGS):
        empty = not text.strip()
        wrong = not empty and (len(text) > longest or controls(text, allowed))
        refused = wrong or (empty and column == "name")
        assert (number not in kept) == refused, number
        assert refused or kept[number].encode() == (b"" if empty else text.encode())
    assert len(batch.errors) == len(STRINGS) - len(kept) > 0
    for error in batch.errors:
        assert str(error).startswith(f"{table}.csv line ")
        assert error.column == column
        assert str(error).isprintable()


TEXTS = st.one_of(
    st.sampled_from(STRINGS), st.text(max_size=30), st.sampled_from(["", "1", "2026-01-05", "wbc"])
)


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_content_raises_and_every_line_is_a_row_or_an_error(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    header = ["clinic", "mrn", "collected_on", "analyte", "value", "unit"]
    rows = data.draw(st.lists(st.lists(TEXTS, min_size=6, max_size=6), max_size=5))
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    where = tmp_path_factory.mktemp("fuzz")
    (where / "results.csv").write_bytes(text.getvalue().encode("utf-8", "surrogatepass"))
    batch = folders.read(where)
    told = {error.line.number for error in batch.errors} | {row.line.number for row in batch.results}
    assert len(told) == batch.counts["results"].lines - batch.counts["results"].merged
    assert all("\n" not in str(error) for error in batch.errors)


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=300))
def test_no_bytes_raise_under_a_map(raw: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    where = tmp_path_factory.mktemp("fuzz")
    (where / "x.csv").write_bytes(b"a,b\n" + raw)
    text = """
    [[courses]]
    files = "x.csv"
    date_format = "prove"
    [courses.fields]
    clinic = {constant = "North"}
    mrn = {lookup = {file = "x.csv", key = "a", by = "a", value = "b"}}
    protocol = {template = "{a}"}
    start = {column = "b", capture = "(.*)"}
    """
    batch = folders.read(where, mapping.parse(text.encode(), where="map.toml"))
    assert all("\n" not in str(error) for error in batch.errors)


def test_a_quote_that_is_opened_on_every_line_costs_no_more_than_the_lines(folder: Folder) -> None:
    header = "clinic,mrn,collected_on,analyte,value,unit\n"
    batch = folders.read(folder(results__csv=header + '"North,7,2026-01-05,wbc,4.1,10*9/L"x\n' * 3000))
    assert len(batch.errors) == batch.counts["results"].lines == 3000
