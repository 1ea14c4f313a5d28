"""What events do to a clock (rules §6): step-ups, restarts, holds, overrides, stops, passing days."""

from dataclasses import replace
from datetime import date

from schedules.days import add, days, shift
from schedules.facts import Event, EventType
from schedules.fold import Fold
from schedules.opening import Hold, Open, Override, Running
from schedules.protocol import Phase, StepUp
from schedules.rhythm import Rhythm, Slot

UNPAUSED_REASONS = frozenset({"result", "infection", "adverse-reaction"})
OVERRIDE_LASTS = 14  # days after its review day


def apply(fold: Fold, event: Event) -> None:
    """Bring one event to a clock. The caller has checked it and keeps the order of the day."""
    match event.type:
        case EventType.DOSE_INCREASE:
            respond(fold, event, fold.clock.on_dose_increase)
        case EventType.DOSE_DECREASE:
            respond(fold, event, fold.clock.on_dose_decrease)
        case EventType.BRAND_CHANGE:
            respond(fold, event, fold.clock.on_brand_change)
        case EventType.HOLD:
            begin_hold(fold, event)
        case EventType.RESUME:
            resume(fold, event)
        case EventType.OVERRIDE:
            overrule(fold, event)
        case EventType.STOP:
            stop(fold, event.on)
        case EventType.BOOKED | EventType.CANCELLED | EventType.NOT_ATTENDED:
            book(fold, event)
        case EventType.WAIVED:
            fold.waive(event.on)
        case EventType.ATTESTED:
            fold.attest(event.on)
        case EventType.ATTENDED | EventType.ADMINISTERED | EventType.ANSWERED:
            fold.done(event.on)
        case EventType.DIED | EventType.LEFT | EventType.MOVED_AWAY:
            fold.end_all(event.on)


def advance(fold: Fold, today: date) -> None:
    """What comes by itself up to the start of that day."""
    override = fold.override
    if override is not None and override.lapses_on is not None:
        if today >= override.lapses_on:
            _lapse(fold, override.lapses_on)
        else:
            fold.timers.add(override.lapses_on)
    fold.roll(today)


def _lapse(fold: Fold, day: date) -> None:
    """The open item goes back to the protocol's day, not before this one; what is overdue is not put off."""
    item, fold.override = fold.open, None
    if item is None or not item.overridden:
        return
    due = item.due_on if item.protocol_due is None else max(day, item.protocol_due)
    if due < item.due_on or day <= item.last_on_time:
        item.due_on = due
        item.why = f"the override lapsed on {day}: {fold.because(item.slot)}"


def enrol(fold: Fold, day: date) -> None:
    """The first day that is ours. Without a known test the open item is due no earlier."""
    if fold.open is not None and not fold.answered and fold.open.due_on < day:
        _move(fold, day, why=f"due on the enrolment day {day}, for no test is known")


def _move(fold: Fold, due: date, *, why: str, overridden: bool = False) -> None:
    """An event sets the due day: neither the interval nor the windows' widths change."""
    item = fold.open
    if item is not None and due != item.due_on:
        item.due_on, item.moved, item.overridden = due, True, overridden
        item.why = f"{why}: {fold.because(item.slot)}"


def begin(fold: Fold, step_up: Running) -> None:
    """The open item becomes due no later than the step-up asks."""
    item = fold.open
    offset = item.carried if item is not None else None
    slot = fold.stepped(step_up.every, step_up.on, offset=offset, why=f"{step_up.every} after {step_up.on}")
    if item is None:
        fold.end = None
        fold.make(slot, on=step_up.on, by_step_up=True, moved=True)
    elif slot.due_on < item.due_on:
        _replace(fold, item, slot, by_step_up=True)


def _replace(fold: Fold, item: Open, slot: Slot, *, by_step_up: bool = False) -> None:
    item.slot, item.due_on, item.carried = slot, slot.due_on, slot.offset
    item.by_step_up = item.moved = by_step_up
    item.overridden = False
    item.why = fold.because(slot)
    if not by_step_up:
        item.protocol_due = slot.due_on


def respond(fold: Fold, event: Event, answer: object) -> None:
    """What the protocol answers to a dose change or a resume."""
    if isinstance(answer, tuple):
        for one in answer:
            respond(fold, event, one)
    elif isinstance(answer, StepUp):
        length = (add(event.on, answer.for_) - event.on).days
        fold.step_ups.append(Running(on=event.on, every=answer.every, length=length))
        begin(fold, fold.step_ups[-1])
    elif answer == "restart":
        restart(fold, event.on, new_start=False)
    elif answer == "ask":
        why = "The source names no interval after this change: set one."
        fold.need("set-interval", on=event.on, role="prescriber", why=why)


def restart(fold: Fold, day: date, *, new_start: bool) -> None:
    """Phase 1 again from that day; the open item becomes due no later than its first day."""
    fold.begin_rhythm(Rhythm(fold.phases, day))
    fold.end = None
    if fold.override is not None:
        fold.override.beside_base = True
    slot = fold.first_slot(new_start=new_start)
    item = fold.open
    if item is None:
        fold.make(slot, on=day)
    elif slot.due_on < item.due_on:
        _replace(fold, item, slot)
    else:
        item.carried = fold.rhythm.grid = None


def begin_hold(fold: Fold, event: Event) -> None:
    pauses = fold.clock.while_held == "pause" and event.reason not in UNPAUSED_REASONS
    if fold.hold is None:
        fold.hold = Hold(on=event.on, paused=pauses)
    fold.hold.paused |= pauses
    if pauses:
        fold.pauses.begin(event.on)
    else:
        fold.pauses.end(event.on)


def resume(fold: Fold, event: Event) -> None:
    hold, item, day = fold.hold, fold.open, event.on
    assert hold is not None
    fold.pauses.end(day)
    fold.hold = None
    if hold.paused and item is not None and item.due_on < day and hold.on <= item.last_on_time:
        _move(fold, day, why=f"moved to the day of the resume, {day}")
    gap = fold.clock.restart_after_gap
    if gap is not None and day > add(hold.on, gap):
        fold.step_ups.clear()
        restart(fold, day, new_start=True)
    else:
        respond(fold, event, fold.clock.on_resume)


def overrule(fold: Fold, event: Event) -> None:
    lapses = None if event.review_on is None else shift(event.review_on, OVERRIDE_LASTS)
    fold.meet("set-interval", event.on)
    fold.meet("override-review", event.on)
    fold.override = Override(on=event.on, every=event.every, lapses_on=lapses)
    if event.review_on is not None:
        fold.need("override-review", on=event.review_on, role="prescriber", why="Review the override.")
    why, item = f"set by an override on {event.on}", fold.open
    if item is None:
        _decide(fold, event, why)
    elif event.due_on is not None:
        _move(fold, event.due_on, why=why, overridden=True)
    else:
        assert event.every is not None, "an override gives every or due_on"
        _move(fold, max(add(item.slot.base, event.every), event.on), why=why, overridden=True)


def _decide(fold: Fold, event: Event, why: str) -> None:
    """No item was open: the override names the next one."""
    every = event.every
    if event.due_on is not None:
        every = days(max(1, (event.due_on - event.on).days))
    assert every is not None
    slot = fold.stepped(every, event.on, why=why)
    fold.make(replace(slot, phase=len(fold.phases) - 1), on=event.on, moved=True)
    fold.meet("decide-next-date", event.on)
    fold.end = None


def book(fold: Fold, event: Event) -> None:
    if fold.clock.kind != "visit" or fold.open is None:
        return
    if event.at is not None and event.at.date() <= fold.open.slot.base:
        return  # it was for the item before, which was attended on this very day
    fold.open.appointment = event.at if event.type is EventType.BOOKED else None
    if event.type is EventType.NOT_ATTENDED:
        why = "The patient did not come: book again."
        fold.need("not-attended", on=event.on, role="coordinator", why=why)
    elif event.type is EventType.BOOKED:
        fold.meet("not-attended", event.on)


def stop(fold: Fold, day: date) -> None:
    """Open items end, but one that a test of this very day would make is not made; last items may follow."""
    if fold.open is not None and fold.open.by_test and fold.open.made_on == day:
        fold.open = None
    fold.end_all(day)
    fold.step_ups.clear()
    fold.override = fold.hold = None
    fold.pauses.end(day)
    if fold.clock.after_stop:
        after = (Phase(offsets=fold.clock.after_stop, then="end"),)
        fold.begin_rhythm(Rhythm(after, day, after_stop=True))
        fold.make(fold.first_slot(new_start=False), on=day)
