"""The base phases of a clock: which day they give after a day, and the windows around it (rules §§3, 4)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from schedules.days import Duration, add, days, shift, subtract
from schedules.facts import AFTER_STOP
from schedules.phases import Phase, UntilEvent, default_grace


@dataclass(frozen=True, slots=True)
class Widths:
    """How many days before its due day an item opens, and after it is late and lapses."""

    early: int
    grace: int
    lapse: int


def widths(interval: int, *, due: date, own: Phase | None = None, opens: date | None = None) -> Widths:
    """The windows of an item with that many days from its base to its due day; `own` may set its own.

    `opens` is the day on which a range opens. The defaults are a product choice: no guideline gives them.
    """
    early, grace = max(1, interval // 4), default_grace(interval)
    if own is not None and own.early is not None:
        early = (due - subtract(due, own.early)).days
    if opens is not None:
        early = (due - opens).days
    if own is not None and own.grace is not None:
        grace = (add(due, own.grace) - due).days
    lapse = max(_lapse(interval), grace + 1)
    if own is not None and own.lapse is not None:
        lapse = (add(due, own.lapse) - due).days
    return Widths(early, grace, lapse)


def _lapse(interval: int) -> int:
    if interval < 28:
        return min(7, interval)
    return 14 if interval < 56 else 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A day that a rhythm gives: due on `due_on`, counted from `base`."""

    due_on: date
    base: date
    phase: int | str
    widths: Widths
    interval: int
    why: str
    offset: int | None = None  # the offset of the base phases that the item carries


@dataclass(frozen=True, slots=True)
class Grid:
    """Months without drift: the rhythm of one phase asks on anchor + n × every."""

    phase: int
    anchor: date
    n: int

    def day(self, every: Duration) -> date:
        return add(self.anchor, every, self.n)


class Rhythm:
    """The base phases of one clock from one anchor, as far as they have been answered."""

    def __init__(self, phases: Sequence[Phase], anchor: date, *, after_stop: bool = False) -> None:
        self.phases = phases
        self.anchor = anchor
        self.after_stop = after_stop
        self.offset = 0  # the first offset that is not answered
        self.grid: Grid | None = None
        self.reached: date | None = None  # the day of the recorded event that ends a phase

    @property
    def offsets(self) -> tuple[Duration, ...]:
        return self.phases[0].offsets or ()

    def offset_day(self, index: int) -> date:
        return self.anchor if index < 0 else add(self.anchor, self.offsets[index])

    def gap(self, index: int) -> int:
        """Days from the offset before, or from the anchor."""
        return (self.offset_day(index) - self.offset_day(index - 1)).days

    def spans(self) -> list[tuple[date | None, date | None]]:
        """First and last day of each phase; None where no day is known."""
        begin: date | None = self.anchor
        found = []
        for phase in self.phases:
            end = self._end(phase, begin)
            found.append((begin, end))
            begin = end
        return found

    def _end(self, phase: Phase, begin: date | None) -> date | None:
        if phase.offsets is not None:
            return add(self.anchor, phase.offsets[-1])
        if isinstance(phase.until, UntilEvent):
            return None if self.reached is None else max(self.reached, add(self.anchor, phase.until.at_least))
        if phase.until is not None:
            return add(self.anchor, phase.until)
        return add(begin, phase.for_) if phase.for_ is not None and begin is not None else None

    def governing(self, day: date) -> int | None:
        """The phase that governs a test on that day; None when the last one has ended."""
        for index in range(1 if self.offsets else 0, len(self.phases)):
            phase, (_, end) = self.phases[index], self.spans()[index]
            if end is None or day < subtract(end, early_of(phase)):
                return index
        return None

    def first(self, *, new_start: bool) -> Slot:
        """The first day from the anchor; `first` of the phase counts only at a new start."""
        phase = self.phases[0]
        if self.offsets:
            return self.at_offset(0, base=self.anchor)
        every = phase.first if new_start and phase.first is not None else phase.longest
        self.grid = Grid(0, self.anchor, 1)
        why = f"{every} after {self.anchor}" if every.count else f"on {self.anchor}, the first day"
        return self._rolling(0, base=self.anchor, due=add(self.anchor, every), why=why)

    def at_offset(self, index: int, *, base: date) -> Slot:
        due, phase = self.offset_day(index), self.phases[0]
        interval = (due - base).days
        own = None if self.after_stop else phase
        return Slot(
            due_on=due,
            base=base,
            phase=AFTER_STOP if self.after_stop else 0,
            widths=widths(interval, due=due, own=own),
            interval=interval,
            why=f"{self.offsets[index]} after {'the stop on ' if self.after_stop else ''}{self.anchor}",
            offset=index,
        )

    def skipped(self, index: int) -> Slot:
        """An offset that gets no test of its own: its base is the offset before it."""
        return self.at_offset(index, base=self.offset_day(index - 1))

    def after(self, day: date, *, on_event_day: bool) -> Slot | None:
        """What the base phases ask after a test on that day; None when they ask nothing more.

        `on_event_day`: the test came on a due day that an event had set: it cannot continue the month grid.
        """
        if self.offset < len(self.offsets):
            return self.at_offset(self.offset, base=day)
        index = self.governing(day)
        if index is None:
            return None
        every, grid = self.phases[index].longest, self.grid
        on_grid = grid is not None and grid.phase == index and grid.day(every) == day and not on_event_day
        self.grid = (
            Grid(index, grid.anchor, grid.n + 1) if grid is not None and on_grid else Grid(index, day, 1)
        )
        return self._rolling(index, base=day, due=self.grid.day(every), why=f"{every} after {day}")

    def _rolling(self, index: int, *, base: date, due: date, why: str) -> Slot:
        phase, interval = self.phases[index], (due - base).days
        opens = add(base, phase.shortest) if phase.shortest is not None else None
        found = widths(interval, due=due, own=phase, opens=opens)
        return Slot(due_on=due, base=base, phase=index, widths=found, interval=interval, why=why)

    def planned_in(self, index: int) -> list[date]:
        """The days a phase would ask for between its beginning and its end, each test taken on its day."""
        begin, end = self.spans()[index]
        assert begin is not None, "only of a phase whose days are known"
        assert end is not None, "only of a phase that ends"
        phase, found = self.phases[index], list[date]()
        if phase.offsets is not None:
            return [self.offset_day(number) for number in range(len(phase.offsets))]
        while (due := add(begin, phase.longest, len(found) + 1)) <= end:
            found.append(due)
        return found


def early_of(phase: Phase) -> Duration:
    """The days before a phase's end in which a test counts as its last."""
    return phase.early if phase.early is not None else days(max(1, phase.longest.approximate_days // 4))


def covers(day: date, slot_day: date, gap: int) -> bool:
    """Whether a test on `day` serves an offset that comes after it, or has passed."""
    return slot_day < shift(day, -(-gap // 2))
