"""The packaged check-ins after a dose increase, whether or not the one before was answered."""

from datetime import date, timedelta

import pytest

from schedules import library
from schedules.facts import Course, Event, EventType
from schedules.plan import plan

START = date(2026, 1, 5)
INCREASE = date(2026, 7, 2)  # in the months, when the check-in of 30 June is open
WEEKLY = [INCREASE + timedelta(weeks=n) for n in (1, 2, 3, 4)]
COURSE = Course(protocol=library.check_ins(), start=START)


def dues(*events: Event, today: date) -> list[date]:
    return [item.due_on for item in plan(COURSE, events, (), today=today).items if item.due_on > INCREASE]


def answers(until: date) -> list[Event]:
    """Every check-in answered on its day, from the first to the last before `until`."""
    events: list[Event] = []
    while (due := plan(COURSE, events, (), today=until).open_items[-1].due_on) < until:
        events.append(Event(on=due, type=EventType.ANSWERED, clock="symptoms"))
    return events


@pytest.mark.parametrize("answered", [True, False])
def test_a_dose_increase_is_followed_by_weekly_check_ins_though_one_is_unanswered(answered: bool) -> None:
    before = answers(date(2026, 7, 1) if answered else date(2026, 6, 20))
    increase = Event(on=INCREASE, type=EventType.DOSE_INCREASE)
    assert dues(*before, increase, today=INCREASE + timedelta(days=29))[:4] == WEEKLY


def test_without_one_they_stay_monthly() -> None:
    found = dues(*answers(date(2026, 6, 20)), today=INCREASE + timedelta(days=29))
    assert found == [date(2026, 7, 30)]
