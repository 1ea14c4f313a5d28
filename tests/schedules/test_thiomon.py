"""The UK limits on blood tests of people on thiopurines: exactly the rows that a count of the file gives."""

import csv
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from schedules import library, limits
from schedules.limits import Refusal

FILE = Path(__file__).parents[1] / "data/thiomon/thiomon.csv"
DAY = date(2026, 3, 2)
COLUMNS = {  # analyte: column and unit
    "wbc": ("wbc", "10*3/uL"),
    "plt": ("plt", "10*3/uL"),
    "mcv": ("mcv", "fL"),
    "albumin": ("alb", "g/dL"),
    "ast": ("ast", "U/L"),
    "alt": ("alt", "U/L"),
}
SHARES = {"anc": "neut_percent", "eosinophils": "eos_percent"}  # of white cells
FLAGGED = {"wbc": 90, "anc": 52, "plt": 56, "alt": 88}
ANY = 412
EMPTY_VALUES = {"": Refusal.NOT_A_NUMBER}


@pytest.fixture(scope="module")
def rows() -> list[dict[str, str]]:
    with FILE.open(newline="") as stream:
        return list(csv.DictReader(stream))


def values(row: dict[str, str]) -> Iterator[tuple[str, Decimal]]:
    """What was measured, converted as a laboratory's words are."""
    for analyte, (column, unit) in COLUMNS.items():
        yield from usable(analyte, row[column], unit)
    for analyte, column in SHARES.items():
        if row["wbc"] and row[column]:
            yield from usable(analyte, str(Decimal(row["wbc"]) * Decimal(row[column]) / 100), "10*9/L")


def usable(analyte: str, text: str, unit: str) -> Iterator[tuple[str, Decimal]]:
    value = limits.convert(analyte, text, unit)
    if isinstance(value, Decimal):
        yield analyte, value
    else:
        assert value is EMPTY_VALUES[text], (analyte, text)


def flagged(row: dict[str, str]) -> set[str]:
    uk = library.protocol("azathioprine-bsr-2017").limits
    return {
        analyte for analyte, value in values(row) if limits.judge(uk, analyte=analyte, value=value, on=DAY)
    }


def test_the_uk_limits_flag_exactly_the_rows_that_they_should(rows: list[dict[str, str]]) -> None:
    found = [flagged(row) for row in rows]
    counted = Counter(analyte for analytes in found for analyte in analytes)
    assert {analyte: counted[analyte] for analyte in FLAGGED} == FLAGGED
    assert sum(bool(analytes) for analytes in found) == ANY


def test_a_missing_value_neither_fires_nor_hides_another(rows: list[dict[str, str]]) -> None:
    gaps = [row for row in rows if "" in row.values()]
    assert any(flagged(row) for row in gaps)
    assert not any(flagged(dict.fromkeys(row, "")) for row in gaps)
