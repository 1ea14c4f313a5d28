"""Every local day and time is one instant on that day, in every zone, around every change of its clocks."""

import csv
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pytest

from schedules import days

FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2033, 1, 1, tzinfo=UTC)
QUARTERS = [time(hour, minute) for hour in range(24) for minute in (0, 15, 30, 45)]
QUARTER, MINUTE, SECOND, DAY = (timedelta(seconds=seconds) for seconds in (900, 60, 1, 86_400))
EXTRACT = Path(__file__).parent.parent / "data" / "tzdata" / "transitions_2025_2026.csv"


class Change(NamedTuple):
    """From `at` on the zone's clocks are `after` ahead of UTC, and `before` until then."""

    at: datetime
    before: timedelta
    after: timedelta


def _offset(where: ZoneInfo, moment: datetime) -> timedelta:
    offset = moment.astimezone(where).utcoffset()
    assert offset is not None
    return offset


@cache
def _changes(where: ZoneInfo) -> tuple[Change, ...]:
    """The changes of 2024–2032, found from UTC to local time alone: the direction that is never ambiguous."""
    moments = [FIRST + n * DAY for n in range((LAST - FIRST).days + 1)]
    found = []
    for begin, end in pairwise(moments):
        before, after = _offset(where, begin), _offset(where, end)
        if before != after:
            low, high = begin, end
            while high - low > MINUTE:
                middle = low + (high - low) // 2
                low, high = (middle, high) if _offset(where, middle) == before else (low, middle)
            found.append(Change(high.replace(second=0, microsecond=0), before, after))
    return tuple(found)


def _offset_at(moment: datetime, changes: list[Change]) -> timedelta:
    return next((change.after for change in reversed(changes) if moment >= change.at), changes[0].before)


def _expected(wanted: datetime, changes: list[Change]) -> datetime:
    """The rule, worked out from the changes around `wanted`, which is local and without a zone."""
    wall = wanted.replace(tzinfo=UTC)
    for change in changes:
        if change.at + change.before <= wall < change.at + change.after:  # the gap
            forward = wall - change.before
            same_day = (forward + change.after).date() == wanted.date()
            return forward if same_day else change.at - MINUTE
    offsets = {offset for change in changes for offset in change[1:]}
    return min(wall - offset for offset in offsets if _offset_at(wall - offset, changes) == offset)


class Count(NamedTuple):
    cases: int
    moved: int
    repeated: int


def _check(where: ZoneInfo, change: Change) -> Count:
    """Two days on either side of a change: each local day and time is one instant, and on that day."""
    changes = [other for other in _changes(where) if abs(other.at - change.at) < 6 * DAY]
    middle = (change.at + change.before).date()
    wanted = [datetime.combine(middle + n * DAY, at) for n in (-2, -1, 0, 1, 2) for at in QUARTERS]
    moved = repeated = 0
    for local in wanted:
        moment = days.instant(local.date(), local.time(), where)
        assert moment == _expected(local, changes), (where.key, local)
        again = moment.astimezone(where)
        assert again.date() == local.date(), (where.key, local)
        moved += again.replace(tzinfo=None) != local
        repeated += again.utcoffset() != again.replace(fold=1).utcoffset()
    return Count(len(wanted), moved, repeated)


def test_H23_H24_every_local_time_around_every_change_of_clocks_is_one_instant_on_its_day() -> None:
    zones = [days.zone(name) for name in sorted(days.zone_names())]
    counts = [_check(where, change) for where in zones for change in _changes(where)]
    total = Count(*map(sum, zip(*counts, strict=True)))
    assert total.cases > 1_260_000, (
        "every zone, every change of 2024–2032, five days, every quarter of an hour"
    )
    assert total.moved > 5_000
    assert total.repeated > 5_000


def _rows() -> list[dict[str, str]]:
    with EXTRACT.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_c_program_knows_the_same_changes() -> None:
    for row in _rows():
        at = datetime.fromisoformat(row["utc_instant"])
        before, after = (timedelta(seconds=int(row[f"offset_{side}_s"])) for side in ("before", "after"))
        assert Change(at, before, after) in _changes(days.zone(row["zone"])), row


@pytest.mark.parametrize("kind", ["gap", "fold"])
def test_H23_H24_a_c_program_agrees_on_gaps_and_repeated_hours(kind: str) -> None:
    rows = [row for row in _rows() if row["kind"] == kind]
    assert rows
    for row in rows:
        where, at = days.zone(row["zone"]), datetime.fromisoformat(row["utc_instant"])
        first, last = (
            datetime.fromisoformat(row["first_local_after"]),
            datetime.fromisoformat(row["last_local_before"]),
        )
        assert days.instant(first.date(), first.time(), where) == (
            at if kind == "gap" else at - (last - first) - SECOND
        )
        assert days.instant(last.date(), last.time(), where) == at - SECOND


@pytest.mark.parametrize(
    ("zone", "wanted", "expected"),
    [
        ("Europe/London", "2026-03-29T00:59", "2026-03-29T00:59Z"),  # the last minute before the gap
        ("Europe/London", "2026-03-29T01:00", "2026-03-29T01:00Z"),  # 01:00 is 02:00
        ("Europe/London", "2026-03-29T01:59", "2026-03-29T01:59Z"),  # 01:59 is 02:59
        ("Europe/London", "2026-03-29T02:00", "2026-03-29T01:00Z"),
        ("Europe/London", "2026-10-25T00:59", "2026-10-24T23:59Z"),
        ("Europe/London", "2026-10-25T01:00", "2026-10-25T00:00Z"),  # the first of the two
        ("Europe/London", "2026-10-25T01:59", "2026-10-25T00:59Z"),
        ("Europe/London", "2026-10-25T02:00", "2026-10-25T02:00Z"),
        (
            "Africa/Cairo",
            "2026-04-24T00:00",
            "2026-04-23T22:00Z",
        ),  # midnight does not exist: 01:00 on the day
        ("America/Havana", "2026-03-08T00:30", "2026-03-08T05:30Z"),
        ("America/Nuuk", "2026-03-28T22:59", "2026-03-29T00:59Z"),
        ("America/Nuuk", "2026-03-28T23:00", "2026-03-29T00:59Z"),  # the next day begins at once: 22:59
        ("America/Nuuk", "2026-03-28T23:45", "2026-03-29T00:59Z"),
        ("America/Godthab", "2026-03-28T23:00", "2026-03-29T00:59Z"),
        ("America/Nuuk", "2026-03-29T00:00", "2026-03-29T01:00Z"),
        ("Australia/Lord_Howe", "2026-10-04T02:00", "2026-10-03T15:30Z"),  # half an hour: 02:30
        ("Asia/Kathmandu", "2026-06-01T09:00", "2026-06-01T03:15Z"),
        (
            "Pacific/Apia",
            "2011-12-30T09:00",
            "2011-12-30T19:00Z",
        ),  # a day that never was: as far after the one before
    ],
)
def test_H23_H24_gaps_go_forward_and_repeated_hours_are_the_first(
    zone: str, wanted: str, expected: str
) -> None:
    local = datetime.fromisoformat(wanted)
    assert days.instant(local.date(), local.time(), days.zone(zone)) == datetime.fromisoformat(expected)


@pytest.mark.parametrize(("day", "year"), [(date.min, 1), (date.max, 9999)])
@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Pacific/Pago_Pago", "UTC"])
def test_the_calendars_edges_do_not_break_it(day: date, year: int, zone: str) -> None:
    assert days.instant(day, time(0), days.zone(zone)).year == year
    assert days.instant(day, time(23, 59), days.zone(zone)).year == year


def test_quiet_hours_hold_through_every_change_of_clocks() -> None:
    """Whatever the hour and the quiet hours, a message goes at or after its time and never in quiet hours."""
    some = [days.QuietHours(time(21), time(8)), days.QuietHours(time(20), time(23, 30))]
    some += [days.QuietHours(time(hour, 30), time(hour + 1, 45)) for hour in (0, 1, 2, 21)]
    for where in _one_zone_each():
        for change in (change for change in _changes(where) if change.at.year == 2026):
            for moment in (change.at + n * QUARTER for n in range(-24, 25)):
                for quiet in some:
                    sent = days.out_of_quiet(moment, where, quiet)
                    assert sent >= moment
                    assert not quiet.contain(sent.astimezone(where).time()), (where.key, moment, quiet)


def _one_zone_each() -> list[ZoneInfo]:
    """One zone for every history of changes: most names are other names of the same clocks."""
    return list({_changes(where): where for where in map(days.zone, sorted(days.zone_names()))}.values())
