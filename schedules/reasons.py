"""What a person who takes up work about a patient is told first: what is late, the stage, the last counts."""

from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal

from schedules import analytes, risk
from schedules.facts import Draw
from schedules.risk import Known, Name
from schedules.trends import plain

NO_COUNTS = "No counts are known."


def of(known: Iterable[Known[Name]]) -> tuple[str, ...]:
    """Of a patient's open items the one to call for first, and the patient's counts with what came before."""
    placed = [(risk.place(one), one) for one in known]
    if not placed:
        return ()
    first, one = min(placed, key=lambda each: each[0].key)
    return *first.reasons, _since(one), _counts(one)


def _since(one: Known[Name]) -> str:
    return f"On {one.course.protocol.medicine.name} since {one.course.start}."


def _counts(one: Known[Name]) -> str:
    """The newest draw with a value that the protocol asks for."""
    asked = {name for clock in one.course.protocol.clocks for name in clock.components}
    known = sorted((d for d in one.draws if d.on <= one.today and asked & d.values.keys()), key=_day)
    if not known:
        return NO_COUNTS
    last, earlier = known[-1], known[:-1]
    said = "; ".join(_count(name, last, earlier) for name in sorted(asked & last.values.keys()))
    return f"Last counts, of {last.on}: {said}."


def _day(draw: Draw) -> date:
    return draw.on


def _count(name: str, last: Draw, earlier: Iterable[Draw]) -> str:
    known, value = analytes.analyte(name), last.values[name]
    return f"{known.title} {plain(value)} {known.unit}{''.join(_change(value, _values(name, earlier)))}"


def _values(name: str, draws: Iterable[Draw]) -> list[Decimal]:
    return [draw.values[name] for draw in draws if name in draw.values]


def _change(value: Decimal, before: list[Decimal]) -> Iterator[str]:
    if before and before[-1] != value:
        yield f", {'down' if value < before[-1] else 'up'} from {plain(before[-1])}"
    elif before:
        yield ", as before"
