"""The CDISC pilot study through its map: every one of its rows is accounted for."""

import csv
import gzip
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from schedules import protocol
from schedules.days import add
from schedules.facts import EventType
from service.ingest import folder as folders
from service.ingest import mapping
from service.ingest.rows import Batch

DATA = Path(__file__).parents[2] / "data/cdisc_pilot"


@cache
def batch() -> Batch:
    return folders.read(DATA, mapping.load(DATA / "map.toml"))


@cache
def source(name: str) -> list[dict[str, str]]:
    with gzip.open(DATA / f"{name}.csv.gz", "rt", encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def test_every_row_of_the_source_is_a_fact_or_left_out_for_a_reason() -> None:
    counts = batch().counts
    assert batch().errors == ()
    assert (counts["results"].lines, counts["results"].rows, counts["results"].left_out) == (17853, 17853, 0)
    assert (counts["patients"].rows, counts["patients"].left_out) == (139, 30)
    assert {row["ARMCD"] for row in source("dm") if not row["RFXSTDTC"]} == {"Scrnfail"}


def test_there_are_thirteen_clinics_and_a_course_for_everyone_dosed() -> None:
    dosed = [row for row in source("dm") if row["RFXSTDTC"]]
    assert Counter(row.clinic for row in batch().patients) == Counter(row["SITEID"] for row in dosed)
    assert len({row.clinic for row in batch().patients}) == 13
    assert {(row.patient, str(row.start)) for row in batch().courses} == {
        ((row["SITEID"], "clinic", row["SUBJID"]), row["RFXSTDTC"]) for row in dosed
    }
    assert {row.patient for row in batch().results} == {row.key for row in batch().patients}


def test_a_course_stops_on_the_last_dose_with_the_disposition_as_its_reason() -> None:
    stops = {row.patient[2]: row for row in batch().events if row.type is EventType.STOP}
    reasons = {row["USUBJID"]: row["DSDECOD"] for row in source("ds") if row["DSCAT"] == "DISPOSITION EVENT"}
    for row in source("dm"):
        if row["RFXSTDTC"]:
            assert str(stops[row["SUBJID"]].on) == (row["RFXENDTC"] or row["RFENDTC"])
            assert stops[row["SUBJID"]].reason == reasons[row["USUBJID"]]
    assert len(stops) == 139
    assert (stops["1018"].reason, str(stops["1018"].on)) == ("WITHDRAWAL BY SUBJECT", "2013-07-12")


def test_the_one_death_is_an_event() -> None:
    (died,) = [row for row in batch().events if row.type is EventType.DIED]
    assert (died.patient, str(died.on)) == (("710", "clinic", "1083"), "2013-08-02")


def test_what_cannot_be_used_is_kept_and_told() -> None:
    unusable = Counter(row.analyte for row in batch().results if row.unusable)
    assert unusable == {"785-6": 985, "786-4": 974, "702-1": 79, "738-5": 43, "10378-8": 13, "bilirubin": 3}
    bounds = [row for row in batch().results if row.analyte == "bilirubin" and row.unusable]
    assert {(row.value_as_sent, row.value) for row in bounds} == {("<0.2", None)}
    assert len(batch().warnings) == unusable.total() == batch().counts["results"].unusable


SAME_UNIT = {"WBC", "LYM", "MONO", "EOS", "BASO", "PLAT", "RBC", "MCV", "ALT", "AST", "ALP", "ALB", "HCT"}
FROM_ROUNDED = {"BILI": Decimal("0.01"), "CREAT": Decimal("0.01")}  # the publisher's factors: 17.1 and 88.4


def test_our_conversion_gives_the_publishers_own_figures() -> None:
    compared: Counter[str] = Counter()
    for row, text in zip(batch().results, source("lb"), strict=True):
        code = text["LBTESTCD"]
        if row.value is not None and code in SAME_UNIT:
            assert row.value == Decimal(text["LBSTRESN"]), row.line
        elif row.value is not None and code in FROM_ROUNDED:
            wanted = Decimal(text["LBSTRESN"])
            assert abs(row.value - wanted) <= wanted * FROM_ROUNDED[code], row.line
        compared[code] += row.value is not None
    assert compared["WBC"] == compared["HGB"] == 985
    assert compared["CREAT"] == 996


def test_results_from_before_the_first_dose_are_kept() -> None:
    start = {row.patient: row.start for row in batch().courses}
    before = [
        row for row in batch().results if row.collected.at and row.collected.at.date() < start[row.patient]
    ]
    before += [row for row in batch().results if row.collected.day and row.collected.day < start[row.patient]]
    assert len(before) == 2730


@pytest.mark.parametrize("number", range(9))
def test_the_protocols_offsets_are_the_trials_planned_days(number: int) -> None:
    planned = sorted({int(float(row["VISITDY"])) for row in source("lb") if row["VISITDY"]} - {-7, -1, 1})
    (phase,) = protocol.parse((DATA / "protocol.toml").read_bytes()).clocks[0].phases
    start = batch().courses[0].start
    assert phase.offsets is not None
    assert add(start, phase.offsets[number]) == start + timedelta(days=planned[number] - 1)
    assert len(planned) == len(phase.offsets)


def test_the_panel_is_complete_on_nearly_every_planned_day() -> None:
    components = protocol.parse((DATA / "protocol.toml").read_bytes()).clocks[0].components
    planned = {
        number + 2
        for number, row in enumerate(source("lb"))
        if row["VISITDY"] and float(row["VISITDY"]) > 1 and row["VISIT"] != "RETRIEVAL"
    }
    drawn: dict[object, set[str]] = {}
    for row in batch().results:
        if row.line.number in planned and row.value is not None:
            day = row.collected.day or (row.collected.at and row.collected.at.date())
            drawn.setdefault((row.patient, day), set()).add(row.analyte)
    complete = sum(components <= found for found in drawn.values())
    assert (complete, len(drawn)) == (819, 833)


def test_reading_twice_says_the_same() -> None:
    again = folders.read(DATA, mapping.load(DATA / "map.toml"))
    assert [row.key for row in again.results] == [row.key for row in batch().results]
    assert again == batch()
