"""One clock unfolded in the order of days: what answers its open item, which item is next (rules §§3–5)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from schedules.days import Duration, add
from schedules.facts import STEP_UP, Class, Course, Draw, Item, Need
from schedules.fields import Level
from schedules.opening import Hold, Open, Override, Pauses, Running
from schedules.protocol import Clock
from schedules.rhythm import Rhythm, Slot, covers, widths


class Fold:
    """The state of one clock; `events` brings it what happens, `plan` keeps the order."""

    def __init__(self, course: Course, clock: Clock, reached: Sequence[date] = ()) -> None:
        self.course, self.clock, self.reached = course, clock, reached
        self.phases = clock.phases_for(course.indication, course.flags)
        self.rhythms: list[Rhythm] = []
        self.items: list[Item] = []
        self.open: Open | None = None
        self.step_ups: list[Running] = []
        self.override: Override | None = None
        self.hold: Hold | None = None
        self.pauses = Pauses()
        self.needs: list[Need] = []
        self.timers: set[date] = set()
        self.end: tuple[date, str] | None = None
        self.answered = False
        self.wanted_by: date | None = None  # by a booked visit
        self.begin_rhythm(Rhythm(self.phases, course.start))
        self.make(self.first_slot(new_start=True), on=course.start)

    # ---- what is known

    @property
    def rhythm(self) -> Rhythm:
        return self.rhythms[-1]

    def runs(self, step_up: Running, day: date) -> bool:
        """Whether a test on that day is followed by the step-up's rhythm."""
        if day < step_up.on or (step_up.ended_on is not None and day >= step_up.ended_on):
            return False
        gone = (day - step_up.on).days - self.pauses.days(step_up.on, day)
        return step_up.length is None or gone < step_up.length - step_up.early

    def because(self, slot: Slot) -> str:
        """One sentence: the rule that gave the day, and its source."""
        phase = f"phase {slot.phase}" if isinstance(slot.phase, int) else slot.phase
        protocol = self.course.protocol
        source = f"{protocol.id} version {protocol.version}, {protocol.source.title}"
        return f"{slot.why}, {phase} of {self.clock.id} ({source})"

    # ---- what people are asked

    def need(self, kind: str, *, on: date, role: str, why: str, level: Level = "24h") -> None:
        ordinal = self.open.ordinal if self.open is not None else None
        asked = Need(kind=kind, level=level, role=role, on=on, clock=self.clock.id, ordinal=ordinal, why=why)
        self.needs.append(asked)

    def meet(self, kind: str, day: date) -> None:
        met = [
            replace(n, met_on=max(day, n.on)) if n.kind == kind and n.met_on is None else n
            for n in self.needs
        ]
        self.needs = met

    # ---- making items

    def begin_rhythm(self, rhythm: Rhythm) -> None:
        rhythm.reached = min((day for day in self.reached if day >= rhythm.anchor), default=None)
        self.rhythms.append(rhythm)

    def first_slot(self, *, new_start: bool) -> Slot:
        return self.rhythm.first(new_start=new_start)

    def make(self, slot: Slot, *, on: date, by_step_up: bool = False, moved: bool = False) -> Open:
        self.open = Open(
            ordinal=len(self.items) + 1,
            slot=slot,
            due_on=slot.due_on,
            made_on=on,
            why=self.because(slot),
            protocol_due=slot.due_on,
            by_step_up=by_step_up,
            moved=moved,
            carried=slot.offset,
        )
        return self.open

    def stepped(self, every: Duration, day: date, *, offset: int | None = None, why: str) -> Slot:
        """The day that a step-up gives after `day`."""
        due = add(day, every)
        interval = (due - day).days
        found = widths(interval, due=due)
        return Slot(
            due_on=due, base=day, phase=STEP_UP, widths=found, interval=interval, why=why, offset=offset
        )

    def follow(self, was: Open, day: date, *, on: date) -> None:
        """Make the item after a test collected on `day`; `on` is the day it was complete."""
        self._pass_offsets(was, day, on=on)
        base = self.rhythm.after(day, on_event_day=was.moved and day == was.due_on)
        self.choose(base, day, on=on)

    def choose(self, base: Slot | None, day: date, *, on: date) -> None:
        """The earliest of what the phases, an override and the running step-ups ask after a test on `day`."""
        slot = min(self.asked(base, day), key=lambda asked: asked.due_on, default=None)
        if slot is None:
            self._end_phases(on)
            return
        made = self.make(slot, on=on, by_step_up=slot.phase == STEP_UP, moved=slot is not base)
        made.by_test, made.protocol_due = True, base.due_on if base is not None else None
        made.overridden = made.moved and not made.by_step_up

    def asked(self, base: Slot | None, day: date) -> list[Slot]:
        override = self.override if self.override is not None and self.override.rules(day) else None
        offset = base.offset if base is not None else None
        asked = [] if base is None or (override is not None and not override.beside_base) else [base]
        if override is not None and override.every is not None:
            slot = self.stepped(
                override.every, day, offset=offset, why=f"{override.every} after {day} by override"
            )
            asked.append(replace(slot, phase=base.phase if base is not None else len(self.phases) - 1))
        for step_up in self.step_ups:
            if self.runs(step_up, day) and (override is None or step_up.on > override.on):
                asked.append(
                    self.stepped(step_up.every, day, offset=offset, why=f"{step_up.every} after {day}")
                )
        return asked

    def _end_phases(self, day: date) -> None:
        last = self.phases[-1]
        if self.rhythm.after_stop:
            return
        if last.then == "clinician-decides":
            why = last.reason or "The source gives no interval from here on."
            self.need("decide-next-date", on=day, role="prescriber", why=why)
        else:
            self.end = (day, last.reason or "The source ends routine monitoring here.")

    # ---- closing items

    def close(self, class_: Class, *, on: date, collected_on: date | None = None) -> Open:
        was = self.open
        assert was is not None
        self.items.append(self._item(was, class_=class_, closed_on=on, collected_on=collected_on))
        self.open = None
        return was

    def skip(self, class_: Class, slot: Slot, *, on: date) -> None:
        self.make(slot, on=on)
        self.close(class_, on=on)

    def _pass_offsets(self, was: Open, day: date, *, on: date) -> None:
        """Look at the offsets that a test on `day` answers, has passed or serves."""
        rhythm = self.rhythm
        if was.carried is not None and was.carried == rhythm.offset < len(rhythm.offsets):
            due, gap = rhythm.offset_day(was.carried), rhythm.gap(was.carried)
            own_day = not was.by_step_up and was.wanted_from is None
            rhythm.offset += own_day or covers(day, due, gap)
        while rhythm.offset < len(rhythm.offsets):
            due = rhythm.offset_day(rhythm.offset)
            class_ = self._class_of_offset(due, day, gap=rhythm.gap(rhythm.offset))
            if due != was.due_on and class_ is None:
                return
            if due != was.due_on and class_ is not None:
                self.skip(class_, rhythm.skipped(rhythm.offset), on=on)
            rhythm.offset += 1

    def _class_of_offset(self, due: date, day: date, *, gap: int) -> Class | None:
        if due > day:
            return Class.COVERED if covers(day, due, gap) else None
        if self.course.enrolled is not None and due < self.course.enrolled:
            return Class.NOT_MONITORED_HERE
        return Class.HELD if self.pauses.on(due) else Class.MISSED

    def answer(self, class_: Class, day: date, *, on: date) -> None:
        was = self.close(class_, on=on, collected_on=day)
        self.answered = True
        self.follow(was, day, on=on)

    def _punctual(self, item: Open, day: date) -> Class:
        on_time = day <= item.last_on_time or self.pauses.on(day, begun_by=item.last_on_time)
        return Class.ON_TIME if on_time else Class.LATE

    # ---- what answers an item

    def draw(self, draw: Draw) -> list[Running]:
        """Take a draw; the step-ups that its values begin are for the caller to begin."""
        if (
            self.clock.kind != "test"
            or draw.on < self.course.start
            or draw.clock not in (None, self.clock.id)
        ):
            return []
        started = self._judge_step_ups(draw)
        item = self.open
        if item is not None and draw.on >= item.opens_on:
            self._take(item, draw)
        return started

    def _take(self, item: Open, draw: Draw) -> None:
        for component in draw.components & self.clock.components:
            item.have.setdefault(component, draw.on)
        if self.clock.components <= item.have.keys():
            day = min(item.have.values())
            self.answer(self._punctual(item, day), day, on=draw.on)

    def _judge_step_ups(self, draw: Draw) -> list[Running]:
        started = []
        for rule in self.clock.step_ups:
            running = next((s for s in self.step_ups if s.rule is rule and s.ended_on is None), None)
            value = draw.values.get((rule.when if running is None else rule.until).analyte)
            if value is not None and running is not None:
                running.streak = running.streak + 1 if rule.until.met(value) else 0
                running.ended_on = draw.on if running.streak >= rule.times else None
            elif value is not None and rule.when.met(value):
                started.append(Running(on=draw.on, every=rule.every, rule=rule))
        self.step_ups += started
        return started

    def done(self, day: date) -> None:
        """Attended, administered or answered: what closes a clock that is not a test."""
        if self.clock.kind != "test" and self.open is not None and day >= self.open.opens_on:
            self.meet("check-ins-missed", day)
            self.answer(self._punctual(self.open, day), day, on=day)

    def attest(self, day: date) -> None:
        if self.clock.kind == "test" and self.open is not None and day >= self.open.opens_on:
            self.answer(Class.ATTESTED, day, on=day)

    def waive(self, day: date) -> None:
        """A named human lets the open item go; the next is counted from its due day, or from the waiver."""
        if self.open is not None:
            was = self.close(Class.WAIVED, on=day)
            self.follow(was, max(day, was.due_on), on=day)

    # ---- the rest

    def roll(self, today: date) -> None:
        """What the passing of days alone does to the clock: nothing, but for check-ins."""

    def end_all(self, day: date) -> None:
        """Everything ends: the open item, and what was asked of people."""
        if self.open is not None:
            self.close(Class.ENDED, on=day)
        for kind in {need.kind for need in self.needs}:
            self.meet(kind, day)
        self.timers.clear()

    def all_items(self) -> list[Item]:
        return [*self.items, *([] if self.open is None else [self._item(self.open)])]

    def _item(
        self,
        item: Open,
        *,
        class_: Class | None = None,
        closed_on: date | None = None,
        collected_on: date | None = None,
    ) -> Item:
        complete = class_ in (Class.ON_TIME, Class.LATE, Class.ATTESTED)
        return Item(
            clock=self.clock.id,
            kind=self.clock.kind,
            ordinal=item.ordinal,
            phase=item.slot.phase,
            base=item.slot.base,
            due_on=item.due_on,
            opens_on=item.opens_on,
            last_on_time=item.last_on_time,
            lapses_on=item.lapses_on,
            ladder=self._ladder(item),
            why=item.why,
            class_=self._ours(class_, closed_on),
            collected_on=collected_on,
            closed_on=closed_on,
            missing=() if complete else tuple(sorted(self.clock.components - item.have.keys())),
            held=class_ is None and self.pauses.lasting,
            appointment=item.appointment,
        )

    def _ours(self, class_: Class | None, day: date | None) -> Class | None:
        """What came before the enrolment day was not ours to monitor."""
        enrolled = self.course.enrolled
        before = class_ is not None and day is not None and enrolled is not None and day < enrolled
        return Class.NOT_MONITORED_HERE if before else class_

    def _ladder(self, item: Open) -> str:
        if item.appointment is not None:
            return "appointment"
        if self.clock.ladder != "auto":
            return self.clock.ladder
        if self.clock.kind in ("check-in", "dose"):
            return self.clock.kind
        return "short" if item.slot.interval < 28 else "standard"
