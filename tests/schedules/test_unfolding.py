"""A course that is followed day by day has the plan that it has when all is known at once."""

from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from schedules import days, ladder, library
from schedules.facts import Course, Draw, Event, EventType
from schedules.plan import Unfolding, plan
from tests.schedules.test_plan_properties import START, clocks_of, lives


@given(lives, st.sets(st.integers(0, 400), max_size=20))
@settings(max_examples=200, deadline=None)
def test_facts_that_come_day_by_day_give_the_plan_of_all_of_them(life, looks) -> None:  # type: ignore[no-untyped-def]
    protocol, events, draws, last = life
    names = clocks_of(protocol)
    events = [one for one in events if (one.clock is None or one.clock in names) and one.on <= last]
    draws = [one for one in draws if one.on <= last]
    course = Course(protocol=protocol, start=START, enrolled=START + timedelta(days=40))
    followed = Unfolding(course)
    for day in sorted({START + timedelta(days=n) for n in looks} | {one.on for one in [*events, *draws]}):
        if day <= last:
            followed.add([one for one in events if one.on == day], [one for one in draws if one.on == day])
            followed.plan(day)
    assert followed.plan(last) == plan(course, events, draws, today=last)


def test_a_fact_of_a_day_that_was_planned_already_is_brought_to_its_place() -> None:
    course = Course(protocol=library.protocol("methotrexate-acr-2008"), start=date(2026, 1, 5))
    drawn = Draw(on=date(2026, 2, 2), components=course.protocol.clocks[0].components)
    raised = Event(on=date(2026, 1, 20), type=EventType.DOSE_INCREASE)
    followed, today = Unfolding(course), date(2026, 3, 1)
    followed.add([], [drawn])
    assert followed.plan(today) == plan(course, [], [drawn], today=today)
    followed.add([raised], [])
    assert followed.plan(today) == plan(course, [raised], [drawn], today=today)
    assert followed.plan(today) != plan(course, [], [drawn], today=today)


def test_the_rungs_of_a_track_are_the_same_from_wherever_they_are_asked() -> None:
    course = Course(protocol=library.protocol("methotrexate-acr-2008"), start=date(2026, 1, 5))
    item = plan(course, [], [], today=course.start).open_items[0]
    hours = ladder.staff_hours(days.zone("Europe/Madrid"))
    told: Any = {"hours": hours, "begins": datetime(2026, 1, 5, tzinfo=UTC)}
    every = list(islice(ladder.steps(item, "coordinator", **told), 70))
    assert len(every) == 70
    for after in (1, 15, 16, 17, 33):
        beyond = ladder.steps(item, "coordinator", **told, after=after)
        assert list(islice(beyond, 70 - after)) == every[after:]
