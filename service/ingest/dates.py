"""Dates in a stated format, or in one that the whole column of a file proves. Never guessed from a row."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache

ISO = "YYYY-MM-DD"
PROVE = "prove"
YEARS = range(1900, 2101)
PARTS = re.compile(r"(YYYY|MM|DD)([-/. ]?)(?!\1)(YYYY|MM|DD)\2(?!\1|\3)(YYYY|MM|DD)")
DAY_MONTH_YEAR = re.compile(r"(\d{1,2})([-/. ])(\d{1,2})\2(\d{4})", re.ASCII)
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII)


class NoDate(ValueError):
    """A text that is no date: `what` is wrong, and the `remedy`."""

    def __init__(self, what: str, remedy: str) -> None:
        self.what, self.remedy = what, remedy
        super().__init__(f"{what}; {remedy}")


def parse(text: str) -> date:
    """An ISO date of four-digit year."""
    if not ISO_DATE.fullmatch(text):
        raise NoDate(*_shape(text, ISO))
    return _real(text)


def parse_moment(text: str) -> date | datetime:
    """An ISO date, or one with a time: aware when it has an offset."""
    if not ISO_MOMENT.fullmatch(text):
        return parse(text)
    _real(text[:10])
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise NoDate(
            "there is no such time of day", "write it as 2026-03-09T14:30 or 2026-03-09T14:30Z"
        ) from None


def _real(text: str) -> date:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise NoDate("there is no such day in the calendar", "correct the date") from None
    if day.year not in YEARS:
        raise NoDate("the year is not between 1900 and 2100", "correct the date")
    return day


def _shape(text: str, wanted: str) -> tuple[str, str]:
    if re.fullmatch(r"\d{4,6}(\.\d+)?", text, re.ASCII):
        return "this is a spreadsheet's serial number, not a date", f"save the column as text, {wanted}"
    if re.fullmatch(r"\d{1,2}[-/. ]\d{1,2}[-/. ]\d\d", text, re.ASCII):
        return "the year has two digits", f"write the date as {wanted}, with all four digits of the year"
    return f"this is not a date written as {wanted}", f"write it as {wanted}"


@dataclass(frozen=True, slots=True)
class Format:
    """A way of writing a date: YYYY, MM and DD in some order with one separator, or none."""

    text: str

    @classmethod
    def of(cls, text: str) -> "Format":
        """ValueError when this is no format, or leaves day and month open."""
        if not PARTS.fullmatch(text):
            raise ValueError("write a date format with YYYY, MM and DD, as DD/MM/YYYY, or prove")
        return cls(text)

    def to_iso(self, text: str) -> str:
        """The same date, or date and time, with an ISO date. Day and month may lack their leading nought."""
        if self.text == ISO or not text:
            return text
        day, time = _split(text)
        found = _pattern(self.text).fullmatch(day)
        if found is None:
            raise NoDate(*_shape(day, self.text))
        iso = f"{found['YYYY']}-{int(found['MM']):02}-{int(found['DD']):02}"
        _real(iso)
        return iso + (f"T{time}" if time else "")


@cache
def _pattern(text: str) -> re.Pattern[str]:
    found = PARTS.fullmatch(text)
    assert found is not None
    short = "{1,2}" if found[2] else "{2}"
    digits = {"YYYY": r"(?P<YYYY>\d{4})", "MM": rf"(?P<MM>\d{short})", "DD": rf"(?P<DD>\d{short})"}
    return re.compile(re.escape(found[2]).join(digits[found[place]] for place in (1, 3, 4)), re.ASCII)


def _split(text: str) -> tuple[str, str]:
    found = re.fullmatch(r"(.*\d)[T ](\d\d?:\d\d.*)", text)
    return (found[1], found[2]) if found else (text, "")


def prove(values: Iterable[str]) -> Format:
    """The one format that every value of a column fits; NoDate when none does, or when more than one could.

    Empty values say nothing. Where day and month could be either, a value with a part over 12 decides.
    """
    seen = {_signature(_split(text)[0]) for text in values if text}
    shapes = {(shape, mark) for shape, mark, _ in seen}
    if not shapes:
        raise NoDate(
            "the column is empty, so its date format cannot be proved", "state date_format in the map"
        )
    if shapes == {(ISO, "-")}:
        return Format(ISO)
    if len(shapes) > 1 or ("", "") in shapes:
        raise NoDate("the column does not hold dates of one format", "write all of them in one format")
    return _by_order({order for _, _, order in seen} - {""}, shapes.pop()[1])


def _by_order(orders: set[str], mark: str) -> Format:
    if len(orders) > 1:
        raise NoDate("some dates have the day first, others the month", "write all of them in one format")
    if not orders:
        what = "no date tells the day from the month, so the format cannot be proved"
        raise NoDate(what, "state date_format in the map")
    return Format(orders.pop().replace("/", mark))


def _signature(text: str) -> tuple[str, str, str]:
    """Shape, separator, and the order this value decides, if it does."""
    if ISO_DATE.fullmatch(text):
        return ISO, "-", ""
    found = DAY_MONTH_YEAR.fullmatch(text)
    if found is None:
        return "", "", ""
    first, second = int(found[1]), int(found[3])
    if first > 12 and second > 12:
        return "", "", ""
    order = "DD/MM/YYYY" if first > 12 else "MM/DD/YYYY" if second > 12 else ""
    return "day, month, year", found[2], order
