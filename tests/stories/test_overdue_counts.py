"""How many are overdue: what the front page counts is what the list names, at every hour of the world."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pytest

from db import batches
from db.engine import writing
from db.tables import Course, Item
from schedules import library
from schedules.risk import SLIPPED
from service.flows import overdue
from tests.stories.conftest import Practice

ZONES = ("Pacific/Kiritimati", "Europe/London", "America/New_York", "Etc/GMT+12")  # +14 to -12
START = date(2026, 1, 5)


@pytest.fixture
def house(practice: Practice) -> Practice:
    """One patient in each zone, who has no test; one of London has a course that was taken back."""
    protocol = library.protocol("azathioprine-us-label")
    people = [practice.patient(mrn=zone, time_zone=zone) for zone in ZONES]
    for one in people:
        practice.course(one, protocol, START)
    gone = {"clinic_id": practice.clinic_id, "id": practice.course(people[1], protocol, START)}
    with writing(practice.engine) as session:
        batches.change(session, Course, [gone | {"voided_at": practice.clock()}])
    return practice


def test_the_count_is_the_list_hour_by_hour(house: Practice) -> None:
    first = min(item.last_on_time for item in house.rows(Item))
    begun = datetime.combine(first, datetime.min.time(), UTC)
    told = set()
    for hour in range(0, 24 * 25, 5):
        now = begun + timedelta(hours=hour)
        states = Counter(risk.state for risk in overdue.ranked(house.engine, now=now))
        assert overdue.counted(house.engine, now=now) == {state: states[state] for state in SLIPPED}, now
        told.add(tuple(states.values()))
    assert {sum(states) for states in told} == {0, 1, 2, 3, 4}
