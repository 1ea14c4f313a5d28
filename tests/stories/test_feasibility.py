"""H29: where quiet hours leave no time before it is too late, a person hears of it at once."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schedules import days
from schedules.days import QuietHours
from schedules.ladder import Hours, staff_hours
from service.clock import WoundClock
from service.flows import feasibility
from tests.schedules.test_ladder import an_item
from tests.stories.conftest import Practice
from tests.stories.test_clock_changes import booked

ZONES = ["Europe/London", "America/New_York", "Africa/Cairo", "America/Nuuk", "Australia/Lord_Howe"]
CHANGES = [date(2026, 3, 8), date(2026, 3, 28), date(2026, 3, 29), date(2026, 4, 24), date(2026, 10, 4)]
DAYS = st.one_of(st.sampled_from(CHANGES), st.dates(date(2026, 1, 1), date(2026, 12, 31)))
TIMES = st.builds(time, st.integers(0, 23), st.sampled_from([0, 15, 30, 45]))
NEW_YORK = days.zone("America/New_York")


@given(
    day=DAYS,
    times=st.tuples(TIMES, TIMES, TIMES, TIMES),
    ahead=st.integers(0, 72),
    zone=st.sampled_from(ZONES),
)
@settings(max_examples=1500, deadline=None)
def test_H29_there_is_a_time_before_it_is_too_late_or_a_person_hears(
    day: date, times: tuple[time, time, time, time], ahead: int, zone: str
) -> None:
    """Every window: over midnight, from and to midnight, nearly the whole day; over the change of clocks."""
    start, end, at, visit = times
    if start == end or QuietHours(start, end).contain(at):
        return
    hours = Hours(zone=days.zone(zone), at=at, quiet=QuietHours(start, end))
    item = an_item(kind="visit", ladder="appointment", appointment=datetime.combine(day, visit))
    expires = feasibility.expires(item, hours)
    assert expires is not None
    planned = hours.next_from(expires - timedelta(hours=ahead))
    slot = hours.allowed_from(planned)
    assert slot < planned + timedelta(days=1)
    local = slot.astimezone(hours.zone).time()
    assert not QuietHours(start, end).contain(local)
    assert feasibility.is_too_late(item, "patient", hours, planned) == (slot >= expires)
    staff = staff_hours(hours.zone)
    assert not feasibility.is_too_late(item, "coordinator", staff, expires + timedelta(days=1))
    assert staff.allowed_from(expires) == expires, "no hour is quiet for staff"


@pytest.mark.parametrize(
    ("at", "told", "work"), [("06:30", [], ["no-time-to-remind"]), ("09:30", ["appointment-day"], [])]
)
def test_H29_a_visit_booked_in_the_evening_for_the_morning(
    practice: Practice, at: str, told: list[str], work: list[str]
) -> None:
    day = date(2026, 2, 10)
    practice.clock = WoundClock(days.instant(day - timedelta(days=1), time(20), NEW_YORK))
    booked(practice, "America/New_York", datetime.combine(day, time.fromisoformat(at)))
    assert [row.kind for row in practice.work] == work
    practice.run_until(datetime.combine(day, time(20), UTC))
    assert [row.rung for row in practice.reminders if row.state == "sent"] == told
