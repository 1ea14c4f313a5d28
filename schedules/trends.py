"""Limits on how a value changes: over a time, over successive tests, or from what it was before the medicine.

No source says between which two values a percentage is taken. Product choices: over a time, from the lowest
value in it for a rise and the highest for a fall; over successive tests, each from the one before it.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import pairwise

from schedules import days
from schedules.protocol import Limit

Reading = tuple[date, Decimal]  # a day of collection, and a value in the analyte's own unit


def beyond(limit: Limit, new: Reading, earlier: Sequence[Reading], start: date | None) -> str | None:
    """How the new value is beyond a limit on change, in words; None when it is not, or nothing is to compare.

    `earlier` are the values of days before, the oldest first. With `over` they are those of that time; with
    `times` the last so many; else the baseline, the newest value up to the `start` of the medicine.
    """
    known = [reading for reading in earlier if _is_within(limit, reading, new)]
    if limit.times > 1:
        return _in_a_row(limit, [*known, new])
    if limit.over is not None:
        return _over_a_time(limit, known, new)
    before = [reading for reading in earlier if start is not None and reading[0] <= start]
    return _since(limit, before[-1], new, "the value before the medicine") if before else None


def _is_within(limit: Limit, reading: Reading, new: Reading) -> bool:
    return limit.over is None or reading[0] >= days.subtract(new[0], limit.over)


def _in_a_row(limit: Limit, row: Sequence[Reading]) -> str | None:
    steps = list(pairwise(row))[-limit.times :]
    if len(steps) < limit.times or not all(_changed(limit, one[1], next_[1]) for one, next_ in steps):
        return None
    return f"{_figure(limit)} {_verb(limit)} on {limit.times} successive tests"


def _over_a_time(limit: Limit, known: Sequence[Reading], new: Reading) -> str | None:
    if not known:
        return None
    choose = min if limit.rise_percent is not None else max
    name = "the lowest" if limit.rise_percent is not None else "the highest"
    from_ = choose(known, key=lambda reading: reading[1])
    return _since(limit, from_, new, f"{name} in {limit.over}")


def _since(limit: Limit, from_: Reading, new: Reading, name: str) -> str | None:
    if not _changed(limit, from_[1], new[1]):
        return None
    return f"{_figure(limit)} {_verb(limit)} from {name}, {plain(from_[1])} on {from_[0].isoformat()}"


def _changed(limit: Limit, from_: Decimal, to: Decimal) -> bool:
    """Strictly by more than the percentage; from nothing nothing can be counted."""
    change = (to - from_) * 100
    if from_ <= 0:
        return False
    if limit.rise_percent is not None:
        return change > limit.rise_percent * from_
    assert limit.fall_percent is not None
    return -change > limit.fall_percent * from_


def _figure(limit: Limit) -> str:
    percent = limit.rise_percent if limit.rise_percent is not None else limit.fall_percent
    assert percent is not None
    return f"more than {plain(percent)} %"


def _verb(limit: Limit) -> str:
    return "up" if limit.rise_percent is not None else "down"


def plain(value: Decimal) -> str:
    return f"{value.normalize():f}"
