"""The phases of a clock: stretches with one rhythm each, and which of them can follow each other."""

import itertools
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, Tag, model_validator

from schedules.days import Duration, add, days
from schedules.fields import TABLE, WORD, WRITTEN, Cited, Length, Model, Text, When, Wrong

AN_ANCHOR = date(2001, 1, 1)  # to compare durations of different units; not a leap year, starts a month


class Range(Model):
    """An interval the source gives as a range: opens at `min`, due at `max`."""

    min: Length
    max: Length

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if _from_anchor(self.min) >= _from_anchor(self.max):
            raise ValueError("min must be shorter than max")
        return self


class UntilEvent(Model):
    event: Literal["maintenance-dose"]
    at_least: Duration = days(0)


def _from_anchor(duration: Duration) -> date:
    return add(AN_ANCHOR, duration)


Interval = Annotated[Annotated[Length, Tag(WORD)] | Annotated[Range, Tag(TABLE)], WRITTEN]
Until = Annotated[Annotated[Length, Tag(WORD)] | Annotated[UntilEvent, Tag(TABLE)], WRITTEN]


def default_grace(interval: int) -> int:
    """Days after the due day that still count as on time, by the days since the base. A product choice."""
    if interval < 28:
        return min(3, interval // 2)
    return 7 if interval < 56 else 14


class Phase(Cited):
    """A stretch of a clock with one rhythm: `every` (rolling) or `offsets` (fixed, first phase only).

    Where the source gives no figure, `no_figure` says so in its place: the clinic sets the rhythm.
    """

    every: Interval | None = None
    offsets: tuple[Duration, ...] | None = Field(default=None, min_length=1, max_length=200)
    first: Duration | None = None
    until: Until | None = None
    for_: Length | None = Field(default=None, alias="for")
    then: Literal["end", "clinician-decides"] | None = None
    reason: Text | None = None
    no_figure: Text | None = None
    early: Duration | None = None
    grace: Duration | None = None
    lapse: Duration | None = None
    when: When = When()

    @property
    def longest(self) -> Duration:
        """The rhythm's interval; of a range its longer end. Only of a rolling phase."""
        assert self.every is not None
        return self.every.max if isinstance(self.every, Range) else self.every

    @property
    def shortest(self) -> Duration | None:
        return self.every.min if isinstance(self.every, Range) else None

    @property
    def ends(self) -> bool:
        return self.until is not None or self.for_ is not None or self.offsets is not None

    @model_validator(mode="after")
    def _one_rhythm(self) -> Self:
        if sum(rhythm is not None for rhythm in (self.every, self.offsets, self.no_figure)) != 1:
            raise ValueError("a phase has one rhythm: every, or offsets (or no_figure, the clinic sets it)")
        if self.no_figure is not None:
            return self._only_no_figure()
        if self.offsets is not None:
            self._check_offsets(self.offsets)
        if self.until is not None and self.for_ is not None:
            raise ValueError("a phase ends by until or by for, not both")
        if self.then is not None and not self.ends:
            raise Wrong("then", "it says what comes after an end: give until or for")
        if self.lapse is not None and _from_anchor(self.lapse) <= self._latest_on_time():
            raise Wrong("lapse", "it must be longer than grace")
        return self

    def _only_no_figure(self) -> Self:
        said = self.model_fields_set - {"no_figure", "when", "note", "evidence", "source"}
        if said:
            raise Wrong(min(said).rstrip("_"), "a phase without a figure has no other figure")
        return self

    def _check_offsets(self, offsets: tuple[Duration, ...]) -> None:
        if self.until is not None or self.for_ is not None or self.first is not None:
            raise ValueError("offsets end by themselves and name their first day: no until, for or first")
        if not rising(offsets):
            raise Wrong("offsets", "they must rise")

    def _latest_on_time(self) -> date:
        if self.grace is not None:
            return _from_anchor(self.grace)
        return _from_anchor(days(max(default_grace(gap) for gap in self._gaps())))

    def _gaps(self) -> list[int]:
        """Days from one due day to the next, roughly."""
        if self.offsets is None:
            return [self.longest.approximate_days]
        dues = [AN_ANCHOR, *map(_from_anchor, self.offsets)]
        return [(b - a).days for a, b in itertools.pairwise(dues)]


def rising(offsets: Sequence[Duration]) -> bool:
    return all(_from_anchor(a) < _from_anchor(b) for a, b in itertools.pairwise(offsets))


def check_phases(phases: Sequence[tuple[int, Phase]]) -> None:
    """Wrong unless they can follow each other: each ends after it begins and not before its first due day."""
    if any(phase.no_figure for _, phase in phases):
        return  # checked when the clinic has set its figures
    begin = AN_ANCHOR
    for place, (number, phase) in enumerate(phases):
        try:
            _check_place(phase, first=place == 0, last=place == len(phases) - 1)
            begin = _earliest_end(phase, begin)
        except Wrong as wrong:
            raise Wrong(f"phases.{number}.{wrong.key}".rstrip("."), str(wrong)) from None


def _check_place(phase: Phase, *, first: bool, last: bool) -> None:
    if phase.offsets is not None and not first:
        raise Wrong("offsets", "only the first phase can have offsets")
    if phase.first is not None and not first:
        raise Wrong("first", "only the first phase has a first day")
    if phase.then is not None and not last:
        raise Wrong("then", "only the last phase says what comes after it")
    if phase.then is None and last and phase.ends:
        raise Wrong("", "the last phase has no end, or says what comes after it (then)")
    if not last and not phase.ends:
        raise Wrong("", "a phase before another has an end (until or for)")


def _earliest_end(phase: Phase, begin: date) -> date:
    """The first day on which the phase can end, begun on `begin` or later."""
    if isinstance(phase.until, UntilEvent):
        return max(begin, _from_anchor(phase.until.at_least))
    if not phase.ends:
        return begin
    key, end = _said_end(phase, begin)
    if end <= begin:
        raise Wrong(key, "the phase ends before it begins")
    if phase.offsets is None and end < add(begin, phase.longest if phase.first is None else phase.first):
        raise Wrong(key, "the phase ends before its first due day")
    return end


def _said_end(phase: Phase, begin: date) -> tuple[str, date]:
    if phase.offsets is not None:
        return "offsets", _from_anchor(phase.offsets[-1])
    if isinstance(phase.until, Duration):
        return "until", _from_anchor(phase.until)
    return "for", add(begin, phase.for_ or days(0))
