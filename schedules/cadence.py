"""Check-ins: a fixed cadence from the anchor, whatever was answered when (scheduling rules §8)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from schedules.facts import Class, Course
from schedules.fold import Fold
from schedules.opening import Open
from schedules.protocol import Clock
from schedules.rhythm import Slot, widths


class CheckIns(Fold):
    """A clock whose days are anchor + k × every; the next one closes an unanswered one as missed."""

    pending: Slot | None  # the newest day that the base phases gave

    def first_slot(self, *, new_start: bool) -> Slot:
        self.pending = super().first_slot(new_start=new_start)
        return self.pending

    def follow(self, was: Open, day: date, *, on: date) -> None:
        passed, self.pending = self._next_base(was.due_on)
        for slot in passed:
            if self.pauses.on(slot.due_on):
                self.skip(Class.HELD, slot, on=on)
        self.choose(self._base_after(was.due_on), was.due_on, on=on)

    def _base_after(self, day: date) -> Slot | None:
        """The pending day, counted from the check-in before it, which may lie between two days of it."""
        slot = self.pending
        if slot is None or day <= slot.base or not isinstance(slot.phase, int):
            return slot
        interval = (slot.due_on - day).days
        found = widths(interval, due=slot.due_on, own=self.phases[slot.phase])
        return replace(slot, base=day, widths=found, interval=interval)

    def _next_base(self, day: date) -> tuple[list[Slot], Slot | None]:
        """The first base day after `day`, and those strictly between the last one and it."""
        passed: list[Slot] = []
        slot = self.pending
        while slot is not None and slot.due_on <= day:
            if slot is not self.pending and slot.due_on < day:
                passed.append(slot)
            if slot.offset is not None:
                self.rhythm.offset = slot.offset + 1
            slot = self.rhythm.after(slot.due_on, on_event_day=False)
        return passed, slot

    def asked(self, base: Slot | None, day: date) -> list[Slot]:
        """As after a test, and what a step-up asks that began while an older check-in was unanswered."""
        begun = [one for one in self.step_ups if one.on > day and self.runs(one, one.on)]
        own = [self.stepped(one.every, one.on, why=f"{one.every} after {one.on}") for one in begun]
        return [*super().asked(base, day), *own]

    def roll(self, today: date) -> None:
        """The next check-in closes an unanswered one as missed when it opens."""
        while self.open is not None and not self.pauses.lasting and not self.rhythm.after_stop:
            opens = self._next_opens(self.open)
            if opens is None or opens > today:
                self.timers.update([] if opens is None else [opens])
                return
            self.follow(self.close(Class.MISSED, on=opens), opens, on=opens)
            last = [item.class_ for item in self.items[-2:]]
            if last == [Class.MISSED, Class.MISSED] and not any(n.met_on is None for n in self.needs):
                why = "Two check-ins in a row were not answered."
                self.need("check-ins-missed", on=opens, role="coordinator", why=why)

    def _next_opens(self, was: Open) -> date | None:
        """The day on which the one after `was` can be answered; nothing is changed by looking."""
        state = self.rhythm.grid, self.rhythm.offset, self.pending
        self.pending = self._next_base(was.due_on)[1]
        asked = self.asked(self._base_after(was.due_on), was.due_on)
        self.rhythm.grid, self.rhythm.offset, self.pending = state
        slot = min(asked, key=lambda each: each.due_on, default=None)
        return None if slot is None else opening(slot)


def opening(slot: Slot) -> date:
    """The day from which the item of that slot can be answered."""
    item = Open(ordinal=0, slot=slot, due_on=slot.due_on, made_on=slot.base, why="", protocol_due=None)
    return item.opens_on


def fold_of(course: Course, clock: Clock, reached: Sequence[date]) -> Fold:
    """`reached`: the days of recorded events that end a phase; a test just before one was its last."""
    kind = CheckIns if clock.kind == "check-in" else Fold
    return kind(course, clock, reached)
