"""Durations, calendar arithmetic, quiet hours and whose zone data decides."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

from schedules import days
from schedules.days import Duration, QuietHours

ROOT = Path(__file__).parent.parent.parent
FIRST, LAST = date(2024, 1, 1), date(2032, 12, 31)
LONDON = days.zone("Europe/London")


@pytest.mark.parametrize("text", ["P0D", "P1D", "P10D", "P2W", "P3M", "P1Y", "P36600D", "P100Y"])
def test_a_duration_is_read_and_written_as_it_came(text: str) -> None:
    assert str(Duration.parse(text)) == text
    assert Duration.parse(Duration.parse(text)) == Duration.parse(text)


@pytest.mark.parametrize(
    "text",
    ["", "P", "PD", "1D", "P1DT1H", "P1Y2M", "p1d", "P-1D", "-P1D", "P1.5D", " P1D", "P1D\n", "P\u0661D",
     "P100000D", "P36601D", "P5201W", "P1201M", "P101Y", None, 5, True, b"P1D"],
)  # fmt: skip
def test_another_text_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"write a duration as P10D, P2W, P3M or P1Y|at most 100 years"):
        Duration.parse(text)


def test_a_duration_in_a_model_is_a_string_with_a_pattern() -> None:
    adapter = TypeAdapter(Duration)
    assert adapter.validate_python("P12W") == Duration(12, "W")
    assert adapter.dump_python(Duration(12, "W"), mode="json") == "P12W"
    assert adapter.json_schema() == {"type": "string", "pattern": r"^P\d{1,5}[DWMY]$"}
    with pytest.raises(ValidationError):
        adapter.validate_python("12 weeks")


def test_twelve_weeks_are_not_three_months() -> None:
    start = date(2026, 1, 5)
    assert days.add(start, Duration.parse("P12W")) == date(2026, 3, 30)
    assert days.add(start, Duration.parse("P3M")) == date(2026, 4, 5)


@pytest.mark.parametrize(("text", "expected"), [("P3D", 3), ("P2W", 14), ("P3M", 90), ("P2Y", 730)])
def test_windows_count_a_month_as_30_and_a_year_as_365_days(text: str, expected: int) -> None:
    assert Duration.parse(text).approximate_days == expected


@pytest.mark.parametrize(
    ("anchor", "text", "times", "expected"),
    [
        ("2026-01-31", "P1M", 1, "2026-02-28"),
        ("2026-01-31", "P1M", 2, "2026-03-31"),
        ("2028-01-31", "P1M", 1, "2028-02-29"),
        ("2024-02-29", "P1Y", 1, "2025-02-28"),
        ("2024-02-29", "P1Y", 4, "2028-02-29"),
        ("2026-12-31", "P1M", 2, "2027-02-28"),
        ("2026-03-31", "P1M", -1, "2026-02-28"),
        ("2026-01-01", "P1M", -1, "2025-12-01"),
        ("2026-01-01", "P2W", 0, "2026-01-01"),
        ("9999-12-01", "P1M", 1, "9999-12-31"),
        ("9999-12-31", "P1D", 1, "9999-12-31"),
        ("0001-01-31", "P1M", -1, "0001-01-01"),
        ("0001-01-01", "P1D", -1, "0001-01-01"),
        ("2026-01-01", "P100Y", 1000, "9999-12-31"),
        ("2026-01-01", "P36600D", 100_000_000, "9999-12-31"),
    ],
)
def test_months_clamp_from_the_anchor_and_the_calendar_has_edges(
    anchor: str, text: str, times: int, expected: str
) -> None:
    assert days.add(date.fromisoformat(anchor), Duration.parse(text), times).isoformat() == expected


def test_shift_and_subtract_go_both_ways() -> None:
    assert days.shift(date(2026, 3, 1), -1) == date(2026, 2, 28)
    assert days.subtract(date(2026, 3, 31), Duration.parse("P1M")) == date(2026, 2, 28)
    assert days.days(9) == Duration.parse("P9D")


def _months() -> list[tuple[int, int, int]]:
    """Year, month and its number of days from 2024 on, counted day by day: no calendar formula."""
    found: dict[tuple[int, int], int] = {}
    day = FIRST
    while day < date(2044, 1, 1):
        found[day.year, day.month] = found.get((day.year, day.month), 0) + 1
        day += timedelta(days=1)
    return [(year, month, count) for (year, month), count in found.items()]


def test_H26_every_month_of_every_anchor_of_2024_to_2032_has_one_day_and_none_drifts() -> None:
    months, month = _months(), Duration.parse("P1M")
    place = {(year, number): index for index, (year, number, _) in enumerate(months)}
    for anchor in (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)):
        begin = place[anchor.year, anchor.month]
        for n, (year, number, length) in enumerate(months[begin : begin + 121 if begin < 120 else None]):
            assert days.add(anchor, month, n) == date(year, number, min(anchor.day, length)), (anchor, n)


def test_H26_every_year_week_and_day_of_every_anchor_of_2024_to_2032_is_counted_from_the_anchor() -> None:
    for anchor in (FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)):
        for n in range(9):
            assert days.add(anchor, Duration(n, "Y")) == days.add(anchor, Duration(12 * n, "M"))
            assert days.add(anchor, Duration(1, "Y"), n) == days.add(anchor, Duration(n, "Y"))
            assert days.add(anchor, Duration(n, "W")).toordinal() == anchor.toordinal() + 7 * n
            assert days.add(anchor, Duration(n, "D")).toordinal() == anchor.toordinal() + n


@pytest.mark.parametrize(
    "name", ["", "Mars/Olympus", "europe/london", "../etc/passwd", "Europe/London\0", "EST5"]
)
def test_an_unknown_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="no such IANA time zone"):
        days.zone(name)


NINE = {"America/Vancouver": 16, "America/Edmonton": 15, "America/Winnipeg": 14}


@pytest.mark.parametrize(("name", "hour"), NINE.items())
def test_the_zone_package_decides_nine_o_clock_on_1_december_2026(name: str, hour: int) -> None:
    nine = days.sending_time(date(2026, 12, 1), time(9), days.zone(name), days.DEFAULT_QUIET_HOURS)
    assert nine == datetime(2026, 12, 1, hour, tzinfo=UTC)


def test_it_decides_where_the_machines_own_zone_files_are_wrong(tmp_path: Path) -> None:
    utc = resources.files("tzdata").joinpath("zoneinfo", "Etc", "UTC").read_bytes()
    (tmp_path / "America").mkdir()
    for name in (*NINE, "America/Nowhere"):
        tmp_path.joinpath(name).write_bytes(utc)
    script = (
        "from datetime import date, time; from zoneinfo import ZoneInfo;"
        "print(ZoneInfo('America/Vancouver').utcoffset(__import__('datetime').datetime(2026, 12, 1)));"
        "from schedules import days;"
        f"print([days.instant(date(2026, 12, 1), time(9), days.zone(n)).hour for n in {list(NINE)}]);"
        "print('America/Nowhere' in days.zone_names())"
    )
    environment = {**os.environ, "PYTHONTZPATH": str(tmp_path)}
    out = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert out.stdout.splitlines() == ["0:00:00", "[16, 15, 14]", "False"], (
        "the first line: the folder was read"
    )


@pytest.mark.parametrize(
    ("quiet", "inside", "outside"),
    [
        (("21:00", "08:00"), ["21:00", "23:59", "00:00", "07:59"], ["08:00", "20:59", "12:00"]),
        (("12:00", "14:00"), ["12:00", "13:59"], ["11:59", "14:00", "00:00"]),
        (("00:00", "08:00"), ["00:00", "07:59"], ["08:00", "23:59"]),
        (("21:00", "00:00"), ["21:00", "23:59"], ["00:00", "20:59"]),
    ],
)
def test_quiet_hours_begin_at_their_start_and_are_over_at_their_end(
    quiet: tuple[str, str], inside: list[str], outside: list[str]
) -> None:
    hours = QuietHours(*map(time.fromisoformat, quiet))
    assert all(hours.contain(time.fromisoformat(at)) for at in inside)
    assert not any(hours.contain(time.fromisoformat(at)) for at in outside)


def test_quiet_hours_of_no_length_are_refused() -> None:
    with pytest.raises(ValueError, match="write null for none"):
        QuietHours(time(8), time(8))


@pytest.mark.parametrize(
    ("wanted", "quiet", "expected"),
    [
        ("2026-06-01T20:59", ("21:00", "08:00"), "2026-06-01T20:59"),
        ("2026-06-01T21:00", ("21:00", "08:00"), "2026-06-02T08:00"),
        ("2026-06-01T23:59", ("21:00", "08:00"), "2026-06-02T08:00"),
        ("2026-06-02T00:00", ("21:00", "08:00"), "2026-06-02T08:00"),
        ("2026-06-02T07:59", ("21:00", "08:00"), "2026-06-02T08:00"),
        ("2026-06-02T08:00", ("21:00", "08:00"), "2026-06-02T08:00"),
        ("2026-06-02T12:30", ("12:00", "14:00"), "2026-06-02T14:00"),
        ("2026-06-02T23:30", ("21:00", "00:00"), "2026-06-03T00:00"),
        ("2026-12-31T22:00", ("21:00", "08:00"), "2027-01-01T08:00"),
        # 29 March: 01:00 to 02:00 does not exist. 25 October: 01:00 to 02:00 is there twice
        ("2026-03-29T00:30", ("21:00", "01:30"), "2026-03-29T02:30"),
        ("2026-03-28T22:00", ("21:00", "08:00"), "2026-03-29T08:00"),
        ("2026-10-24T22:00", ("21:00", "08:00"), "2026-10-25T08:00"),
    ],
)
def test_a_message_in_quiet_hours_waits_for_their_end(
    wanted: str, quiet: tuple[str, str], expected: str
) -> None:
    local, hours = datetime.fromisoformat(wanted), QuietHours(*map(time.fromisoformat, quiet))
    sent = days.sending_time(local.date(), local.time(), LONDON, hours)
    assert sent.astimezone(LONDON).replace(tzinfo=None) == datetime.fromisoformat(expected)


def test_in_the_repeated_hour_the_quiet_end_is_the_one_to_come() -> None:
    quiet = QuietHours(time(21), time(1, 30))
    first, second = (datetime(2026, 10, 25, hour, 15, tzinfo=UTC) for hour in (0, 1))  # 01:15, twice
    assert days.out_of_quiet(first, LONDON, quiet) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert days.out_of_quiet(second, LONDON, quiet) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_without_quiet_hours_nothing_waits() -> None:
    night = datetime(2026, 6, 1, 2, tzinfo=UTC)
    assert days.out_of_quiet(night, LONDON, None) == night


def test_the_local_day_is_the_one_of_the_place() -> None:
    moment = datetime(2026, 6, 1, 11, 30, tzinfo=UTC)
    assert days.local_day(moment, days.zone("Pacific/Kiritimati")) == date(2026, 6, 2)
    assert days.local_day(moment, days.zone("Pacific/Niue")) == date(2026, 6, 1)
    assert days.local_day(moment - timedelta(hours=1), days.zone("Pacific/Pago_Pago")) == date(2026, 5, 31)
