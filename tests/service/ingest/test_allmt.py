"""Real records of children on mercaptopurine and methotrexate, from the folder in NEXTCOUNT_TEST_DATA."""

import csv
import itertools
import os
from collections import Counter
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from schedules import analytes, protocol
from service.ingest import folder as folders
from service.ingest import mapping
from service.ingest.rows import Batch

MAPS = Path(__file__).parents[2] / "data/allmt_map"
NAMES = ["UPN_1.csv", "UPN_2.csv", "UPN_914.csv", "UPN_915.csv"]
MESSY = ["external_UPN_1_messy.csv", "external_UPN_2_messy.csv"]


@pytest.fixture(scope="module")
def records() -> Path:
    root = os.environ.get("NEXTCOUNT_TEST_DATA")
    if root is None:
        pytest.skip("NEXTCOUNT_TEST_DATA names no folder: the records of allMT are GPL and not in the tree")
    return Path(root) / "longitudinal/allmt_6mp_mtx"


@pytest.fixture(scope="module")
def batch(records: Path) -> Batch:
    return folders.read(records, mapping.load(MAPS / "map.toml"))


def source(records: Path, name: str) -> list[dict[str, str]]:
    with (records / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def day(text: str) -> date:
    form = "%d/%m/%Y" if "/" in text else "%Y-%m-%d"
    return datetime.strptime(text, form).date()  # noqa: DTZ007


def test_the_maps_and_the_protocol_are_sound_without_the_records() -> None:
    assert mapping.load(MAPS / "map.toml").events
    assert mapping.load(MAPS / "messy.toml").implausible == "refuse"
    (clock,) = protocol.parse((MAPS / "protocol.toml").read_bytes()).clocks
    assert clock.components == {"anc", "plt", "hb"}


def test_every_row_gives_three_results_whatever_its_date_format(records: Path, batch: Batch) -> None:
    assert batch.errors == ()
    wanted = {
        (name[4:-4], day(row["Dates"]), analyte, Decimal(row[column]) * factor)
        for name in NAMES
        for row in source(records, name)
        for column, analyte, factor in (("ANC", "anc", 1), ("PLT", "plt", 1), ("Hb", "hb", 10))
    }
    assert {(row.patient[2], row.collected.day, row.analyte, row.value) for row in batch.results} == wanted
    assert len(batch.results) == 3 * (47 + 47 + 28 + 38)


def test_a_course_starts_on_the_first_day_of_the_file(records: Path, batch: Batch) -> None:
    first = {name[4:-4]: min(day(row["Dates"]) for row in source(records, name)) for name in NAMES}
    assert {row.patient[2]: row.start for row in batch.courses} == first
    assert first["914"] == date(2020, 11, 10)


def test_a_dose_of_0_is_a_hold_and_the_next_dose_resumes(records: Path, batch: Batch) -> None:
    for name in NAMES:
        doses = [(day(row["Dates"]), Decimal(row["MP"])) for row in source(records, name)]
        pairs = list(itertools.pairwise(doses))
        holds = [on for (_, before), (on, now) in pairs if now == 0 and before > 0]
        resumes = [on for (_, before), (on, now) in pairs if now > 0 and before == 0]
        mine = [row for row in batch.events if row.patient[2] == name[4:-4]]
        assert [row.on for row in mine if row.type == "hold"] == holds
        assert [row.on for row in mine if row.type == "resume"] == resumes
        assert {row.reason for row in mine if row.type == "hold"} == {"result"}


def test_the_first_patients_events_are_these(batch: Batch) -> None:
    mine = [(str(row.on), row.type.value, row.dose) for row in batch.events if row.patient[2] == "1"]
    assert mine[:8] == [
        ("2021-03-04", "dose-increase", "425"),
        ("2021-05-27", "dose-increase", "500"),
        ("2021-07-01", "hold", "0"),
        ("2021-07-15", "resume", "425"),
        ("2021-07-15", "dose-decrease", "425"),
        ("2021-09-02", "dose-increase", "475"),
        ("2021-10-21", "dose-decrease", "225"),
        ("2021-11-11", "dose-increase", "425"),
    ]


def test_the_same_draws_under_two_numbers_are_a_possible_duplicate(batch: Batch) -> None:
    assert [str(warning) for warning in batch.warnings] == [
        "UPN_2.csv line 2, column mrn: possible duplicate patient: UPN_1.csv line 2 has the same results on "
        "47 days; look whether they are one patient, and keep one record."
    ]


def test_the_two_messy_files_are_refused_row_by_row(records: Path) -> None:
    batch = folders.read(records, mapping.load(MAPS / "messy.toml"))
    highest = analytes.analyte("wbc").highest
    assert highest is not None
    wanted = Counter(
        (name, number, "WBC" if Decimal(row["WBC"]) > highest else "Height")
        for name in MESSY
        for number, row in enumerate(source(records, name), 2)
        if Decimal(row["WBC"]) > highest or not 45 <= Decimal(row["Height"]) <= 220
    )
    assert Counter((error.line.file, error.line.number, error.column) for error in batch.errors) == wanted
    assert batch.counts["results"].refused == len(wanted) == 94
    assert {error.column for error in batch.errors} == {"WBC", "Height"}
    assert batch.results == ()
    said = {
        "WBC": "the value cannot be a person's; look for a wrong unit or a slipped decimal point.",
        "Height": "the figure is not between 45 and 220; correct it, or its unit.",
    }
    for error in batch.errors:
        assert str(error) == f"{error.line}, column {error.column}: {said[error.column or '']}"


def test_without_the_check_of_heights_the_junk_white_cells_alone_are_refused(records: Path) -> None:
    text = (MAPS / "messy.toml").read_bytes()
    start, end = text.index(b"checks"), text.index(b"wide")
    batch = folders.read(records, mapping.parse(text[:start] + text[end:], where="messy.toml"))
    junk = sum(
        Decimal(row["WBC"]) > Decimal(str(analytes.analyte("wbc").highest))
        for name in MESSY
        for row in source(records, name)
    )
    assert (len(batch.errors), len(batch.results)) == (junk, 4 * (94 - junk))
    assert 0 < junk < 94
