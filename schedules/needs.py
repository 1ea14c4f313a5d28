"""What a plan asks of people that no single entry asks: reviews of holds, phases left unfinished."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

from schedules.days import add, shift
from schedules.facts import Class, Event, EventType, Need
from schedules.fold import Fold
from schedules.opening import Running
from schedules.rhythm import Rhythm

HOLD_REVIEW = 28  # days after a hold begins, where no review day was given
DONE = frozenset({Class.ON_TIME, Class.LATE, Class.ATTESTED})


def course_needs(events: Sequence[Event], *, today: date) -> list[Need]:
    """A review for every hold: on its review day, then weekly, until somebody resumes, stops or holds."""
    found: list[Need] = []
    for event in events:
        if found and found[-1].met_on is None and event.type in (*ENDS_HOLD, EventType.HOLD):
            found[-1] = replace(found[-1], met_on=max(event.on, found[-1].on))
            if event.on <= found[-1].on:
                found.pop()
        if event.type is EventType.HOLD:
            on = event.review_on or shift(event.on, HOLD_REVIEW)
            why = "Nothing resumes by itself: review the hold."
            found.append(
                Need(kind="hold-review", level="24h", role="prescriber", on=on, repeats_weekly=True, why=why)
            )
    return found


ENDS_HOLD = (EventType.RESUME, EventType.STOP, EventType.DIED, EventType.LEFT, EventType.MOVED_AWAY)


def unfinished(fold: Fold, *, today: date, ended: tuple[date, str] | None) -> list[Need]:
    """Phases and step-ups that ended with fewer than half of their tests done."""
    if fold.clock.kind != "test":
        return []
    last = today if ended is None else min(today, shift(ended[0], -1))
    done = [item.collected_on for item in fold.items if item.class_ in DONE and item.collected_on is not None]
    return [
        Need(
            kind=kind,
            level="24h",
            role="coordinator",
            on=shift(end, 1),
            clock=fold.clock.id,
            why=f"{len(dues)} tests were planned, fewer than half were done.",
        )
        for kind, begin, end, dues in spans(fold)
        if end < last and 2 * sum(begin < day <= end for day in done) < len(dues)
    ]


Span = tuple[str, date, date, list[date]]  # of a phase or step-up: first and last day, the days it asks for


def spans(fold: Fold) -> list[Span]:
    """Every phase and step-up of a test clock that has an end."""
    found = [span for number in range(len(fold.rhythms)) for span in _phase_spans(fold, number)]
    return found + [span for step_up in fold.step_ups if (span := _step_up_span(fold, step_up)) is not None]


def _phase_spans(fold: Fold, number: int) -> list[Span]:
    rhythm = fold.rhythms[number]
    if rhythm.after_stop:
        return []
    until = fold.rhythms[number + 1].anchor if number + 1 < len(fold.rhythms) else date.max
    found: list[Span] = []
    for index in range(len(rhythm.phases)):
        begin, end = rhythm.spans()[index]
        if begin is not None and end is not None and end < until:
            found.append(("phase-unfinished", begin, end, _asked(fold, rhythm, index)))
    return found


def _asked(fold: Fold, rhythm: Rhythm, index: int) -> list[date]:
    enrolled = fold.course.enrolled or fold.course.start
    return [due for due in rhythm.planned_in(index) if due >= enrolled and not fold.pauses.on(due)]


def _step_up_span(fold: Fold, step_up: Running) -> Span | None:
    if step_up.length is None:
        return None
    end = shift(step_up.on, step_up.length)
    end = shift(end, fold.pauses.days(step_up.on, end))
    dues, number = list[date](), 1
    while (due := add(step_up.on, step_up.every, number)) <= end:
        number += 1
        dues += [] if fold.pauses.on(due) else [due]
    return "step-up-unfinished", step_up.on, end, dues
