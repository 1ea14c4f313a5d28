"""Two medicines at once: the flag that a course has while the patient is on the other one too."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

FLAGS: Mapping[str, str] = MappingProxyType(
    {"leflunomide": "with-leflunomide", "methotrexate": "with-methotrexate"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """Another course of the patient: its medicine, and the days [start, end) on it; None while it lasts."""

    medicine: str
    start: date
    end: date | None = None


def changes(beside: Iterable[Beside]) -> dict[date, frozenset[str]]:
    """The days on which the flags change, in order, and what they are from then on: none before the first."""
    spans = [(FLAGS[one.medicine], one.start, one.end) for one in beside if one.medicine in FLAGS]
    marks = {day for _, start, end in spans for day in (start, end) if day is not None}
    return {
        day: frozenset(name for name, start, end in spans if start <= day and (end is None or day < end))
        for day in sorted(marks)
    }
