"""Retry-After in every form: never shorter than a second, never longer than a quarter of an hour."""

from datetime import UTC, datetime, timedelta

import pytest

from service.channels import retry_after

NOW = datetime(2026, 1, 11, 14, 0, 0, tzinfo=UTC)
LONGEST = 900

CASES: list[tuple[str | None, float | None]] = [
    *[("0", 1), ("1", 1), ("2", 2), ("7", 7), ("120", 120), ("899", 899), ("900", 900), ("901", 900)],
    *[("1.5", 1.5), ("0.2", 1), (" 30 ", 30), ("+30", 30), ("007", 7), ("1e2", 100), ("3600", 900)],
    *[("86400", 900), ("31536000", 900), ("9" * 400, 900), ("1e308", 900), ("1e999", 900), ("inf", 900)],
    *[
        ("-1", 1),
        ("-120", 1),
        ("-1e999", 1),
        ("-inf", 1),
        ("nan", None),
        ("", None),
        ("  ", None),
        (None, None),
    ],
    *[("soon", None), ("60 seconds", None), ("1:30", None), ("٣٠", None), ("0x10", None), ("1,5", None)],
    ("Sun, 11 Jan 2026 14:00:30 GMT", 30),
    ("Sunday, 11-Jan-26 14:01:00 GMT", 60),
    ("Sun Jan 11 14:02:00 2026", 120),
    ("Sun, 11 Jan 2026 15:01:00 +0100", 60),
    ("Sun, 11 Jan 2026 14:00:00 GMT", 1),
    ("Sun, 11 Jan 2026 13:00:00 GMT", 1),
    ("Thu, 01 Jan 1970 00:00:00 GMT", 1),
    ("Mon, 11 Jan 2027 14:00:00 GMT", LONGEST),
    ("Fri, 31 Dec 9999 23:59:59 GMT", LONGEST),
    ("Sun, 32 Jan 2026 14:00:30 GMT", None),
    ("Sun, 11 Jan 2026 14:00:30 +99999999999", None),
    ("2026-01-11T14:00:30Z", None),
]


@pytest.mark.parametrize(("text", "seconds"), CASES)
def test_H12_every_form_of_retry_after(text: str | None, seconds: float | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert retry_after.parse(text, now=NOW) == expected


def test_H12_the_table_is_as_long_as_the_hazard_log_asks() -> None:
    assert len(CASES) >= 40
