"""Limits on how a value changes, and limits that need several tests."""

from datetime import date, timedelta
from decimal import Decimal

import pytest

from schedules import limits
from schedules.facts import Draw
from schedules.limits import Finding
from schedules.protocol import Limit
from schedules.trends import Reading

DAY = date(2026, 6, 1)
START = DAY - timedelta(days=200)


def judge(value: str, earlier: dict[int, str], **keys: object) -> tuple[Finding, ...]:
    """`earlier` are values by days before the day of the new one."""
    limit = Limit.model_validate({"analyte": "creatinine", "level": "24h", **keys})
    before: list[Reading] = [(DAY - timedelta(days=ago), Decimal(of)) for ago, of in earlier.items()]
    return limits.judge(
        [limit], analyte="creatinine", value=Decimal(value), on=DAY, before=before, start=START
    )


@pytest.mark.parametrize(("value", "found"), [("130", False), ("130.1", True), ("100", False), ("50", False)])
def test_a_rise_over_a_time_is_from_its_lowest_value_and_strict(value: str, found: bool) -> None:
    assert bool(judge(value, {300: "100", 20: "125"}, rise_percent=30, over="P12M")) is found


def test_what_is_older_than_the_time_does_not_count() -> None:
    assert not judge("140", {366: "100", 30: "120"}, rise_percent=30, over="P12M")
    assert judge("140", {365: "100", 30: "120"}, rise_percent=30, over="P12M")


def test_a_fall_over_a_time_is_from_its_highest_value() -> None:
    [found] = judge("79", {90: "100", 20: "85"}, fall_percent=20, over="P6M")
    assert found.sentence.endswith(
        "Creatinine 79 umol/L on 2026-06-01: more than 20 % down from the highest in P6M, 100 on 2026-03-03."
    )


@pytest.mark.parametrize(
    ("earlier", "found"),
    [
        ({60: "100", 40: "89", 20: "79"}, True),
        ({60: "100", 40: "90", 20: "80"}, False),  # ten per cent is not more than ten
        ({40: "89", 20: "79"}, False),
        ({80: "70", 60: "100", 40: "89", 20: "79"}, True),
    ],
)
def test_falls_on_successive_tests_are_each_from_the_one_before(earlier: dict[int, str], found: bool) -> None:
    assert bool(judge("70", earlier, fall_percent=10, times=3)) is found


def test_without_a_time_it_is_from_the_newest_value_before_the_medicine() -> None:
    assert judge("126", {400: "50", 201: "100", 30: "124"}, rise_percent=25)
    assert not judge("125", {400: "50", 201: "100", 30: "80"}, rise_percent=25)
    assert not judge("500", {30: "80"}, rise_percent=25), "there is no baseline"


def test_a_rise_from_nothing_cannot_be_counted() -> None:
    assert not judge("10", {30: "0"}, rise_percent=30, over="P12M")


def test_several_in_a_row_below_a_figure() -> None:
    assert judge("3", {20: "3", 10: "2"}, below=4, unit="umol/L", times=3)
    assert not judge("3", {20: "3", 10: "4"}, below=4, unit="umol/L", times=3)
    assert not judge("3", {10: "2"}, below=4, unit="umol/L", times=3)
    [found] = judge("5", {10: "6"}, above=4, unit="umol/L", times=2)
    assert found.sentence.endswith("above 4 umol/L in 2 successive tests.")


def test_what_was_not_measured_neither_fires_nor_hides_another() -> None:
    drawn = [Draw(on=DAY - timedelta(days=n), components=frozenset({"alt"})) for n in (5, 15)]
    drawn += [
        Draw(
            on=DAY - timedelta(days=n),
            components=frozenset({"creatinine"}),
            values={"creatinine": Decimal(v)},
        )
        for n, v in ((20, "125"), (10, "100"))
    ]
    assert limits.readings(drawn, "creatinine") == [
        (DAY - timedelta(days=20), Decimal(125)),
        (DAY - timedelta(days=10), Decimal(100)),
    ]
    assert limits.readings(drawn, "alt") == []
