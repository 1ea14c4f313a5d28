"""What came of reminders and check-ins. The 7 days after a reminder are a product choice."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from schedules.adherence import Measure, Period

EFFECT = timedelta(days=7)  # after a reminder


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A reminder that went out on a local day, and the collection day of its item, if there is one."""

    rung: str
    on: date
    collected_on: date | None = None


def reminder_effect(sent: Iterable[Sent], period: Period, *, as_of: date) -> Mapping[str, Measure]:
    """By rung: items collected within 7 days of the reminder, of all reminders sent in the period."""
    counts: dict[str, dict[str, int]] = {}
    for reminder in sent:
        if reminder.on in period:
            none = {"collected-in-7-days": 0, "not-collected-in-7-days": 0, "7-days-not-over": 0}
            counts.setdefault(reminder.rung, none)[_effect(reminder, as_of)] += 1
    return {
        rung: Measure(
            name=f"reminder-effect/{rung}", period=period, counted="collected-in-7-days", parts=parts
        )
        for rung, parts in sorted(counts.items())
    }


def _effect(reminder: Sent, as_of: date) -> str:
    day = reminder.collected_on
    if day is not None and reminder.on <= day <= min(reminder.on + EFFECT, as_of):
        return "collected-in-7-days"
    return "not-collected-in-7-days" if as_of > reminder.on + EFFECT else "7-days-not-over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A check-in that was sent on a local day."""

    on: date
    answered: bool


def check_ins(asked: Iterable[Asked], period: Period) -> Measure:
    """Check-ins answered, of the check-ins sent in the period."""
    answers = [check_in.answered for check_in in asked if check_in.on in period]
    parts = {"answered": sum(answers), "unanswered": len(answers) - sum(answers)}
    return Measure(name="check-ins", period=period, counted="answered", parts=parts)
