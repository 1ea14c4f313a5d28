"""By what adherence can be told apart, each by one stated rule."""

from collections.abc import Mapping
from datetime import date, timedelta
from enum import StrEnum
from types import MappingProxyType

from schedules.adherence import Period
from schedules.days import Duration, add


class By(StrEnum):
    CLINIC = "clinic"
    MEDICINE = "medicine"
    PROTOCOL = "protocol"
    PHASE = "phase"
    MONTH = "month"
    AGE_BAND = "age-band"


RULES: Mapping[By, str] = MappingProxyType(
    {
        By.CLINIC: "a course belongs to the clinic that keeps it",
        By.MEDICINE: "a course belongs to its protocol's medicine; a patient on two counts on each",
        By.PROTOCOL: "a course belongs to its protocol, in whatever version",
        By.PHASE: "an item belongs to the phase that set its day; days and patients belong to none",
        By.MONTH: "an item belongs to the month of its last day on time, a day of a clock to its own month, "
        "a reminder to the month of its sending; who has an open item is told as of one day, so for no month",
        By.AGE_BAND: "a patient belongs to the age in whole years on the period's last day; the bands are a "
        "product choice",
    }
)
OF_COURSES = frozenset({By.CLINIC, By.MEDICINE, By.PROTOCOL, By.AGE_BAND})
BANDS = ((0, "0–17"), (18, "18–39"), (40, "40–64"), (65, "65–74"), (75, "75 and over"))


def born_by(on: date, years: int) -> date:
    """The latest day of birth of who is that many years old on a day."""
    year = on.year - years
    latest = date(year, 2, 28) if (on.month, on.day) == (2, 29) and not _leap(year) else on.replace(year=year)
    next_day = latest + timedelta(days=1)
    return next_day if add(next_day, Duration.parse(f"P{years}Y")) <= on else latest


def _leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def age_bands(on: date) -> list[tuple[date, str]]:
    """The latest day of birth in each band, the oldest band first."""
    return [(born_by(on, years) if years else date.max, name) for years, name in reversed(BANDS)]


def age_band(birth_date: date, on: date) -> str:
    return next(name for latest, name in age_bands(on) if birth_date <= latest)


def month(day: date) -> str:
    return f"{day:%Y-%m}"


def months(period: Period) -> dict[str, Period]:
    """The period's months by name, the first and the last perhaps only in part."""
    found, first = {}, period.first
    while first <= period.last:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        found[month(first)] = Period(first, min(following - timedelta(days=1), period.last))
        first = following
    return found
