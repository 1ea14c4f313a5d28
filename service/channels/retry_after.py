"""How long a provider asks us to wait, in whatever form it says it."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(minutes=15)


def parse(text: str | None, *, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date, clamped to a second and a quarter of an hour; None when it says neither."""
    text = (text or "").strip()
    if not text:
        return None
    wait = _seconds(text)
    if wait is None:
        wait = _until(text, now)
    return None if wait is None else max(SHORTEST, min(wait, LONGEST))


def _seconds(text: str) -> timedelta | None:
    try:
        number = float(text) if text.isascii() else None
    except ValueError:
        return None
    if number is None or number != number:
        return None
    return timedelta(seconds=max(0.0, min(number, LONGEST.total_seconds())))


def _until(text: str, now: datetime) -> timedelta | None:
    """The three forms of an HTTP date, all of which mean UTC."""
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
