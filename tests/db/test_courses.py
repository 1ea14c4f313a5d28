from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from db import batches, courses, patients, protocols
from db.courses import CourseFacts
from db.engine import reading, writing
from db.tables import Course, CourseEvent, EndReason, Patient, Result
from schedules import facts
from schedules.days import Duration
from schedules.facts import Draw, Event, EventType
from schedules.plan import plan
from tests.db.conftest import NOW, House, a_protocol

LATER = NOW + timedelta(hours=1)


def known(house: House) -> list[CourseFacts]:
    with reading(house.engine) as session:
        return courses.known(session, [house.course])


def result(house: House, **columns: Any) -> UUID:
    values = {
        "patient_id": house.patient_id,
        "analyte": "wbc",
        "value": Decimal("4.5"),
        "value_as_sent": "4.5",
        "collected_on": date(2026, 3, 1),
        "status": "final",
        "usable": True,
        "recorded_at": NOW,
        "source": "test",
    }
    return house.add(Result, **(values | columns))


def event(house: House, **columns: Any) -> UUID:
    values = {"course_id": house.course_id, "on": date(2026, 2, 20), "type": "hold", "recorded_at": NOW}
    return house.add(CourseEvent, **(values | columns))


def test_a_course_comes_back_as_it_was_entered(house: House) -> None:
    with writing(house.engine) as session:
        batches.change(
            session,
            Course,
            [
                {
                    "clinic_id": house.clinic_id,
                    "id": house.course_id,
                    "flags": ["high-risk", "age-65"],
                    "indication": "lupus",
                    "enrolled": date(2026, 2, 3),
                }
            ],
        )
    [found] = known(house)
    assert found.course == facts.Course(
        protocol=a_protocol(),
        start=date(2026, 2, 1),
        indication="lupus",
        flags=frozenset({"high-risk", "age-65"}),
        enrolled=date(2026, 2, 3),
    )
    assert (found.key, found.patient_id, found.time_zone) == (
        house.course,
        house.patient_id,
        "America/New_York",
    )


def test_a_protocol_is_pinned_once_and_built_once(house: House) -> None:
    with writing(house.engine) as session:
        digest = protocols.pin(session, house.clinic_id, a_protocol(), now=LATER)
    with reading(house.engine) as session:
        first = protocols.built(session, {(house.clinic_id, digest)})[house.clinic_id, digest]
        again = protocols.built(session, {(house.clinic_id, digest)})[house.clinic_id, digest]
    assert first == a_protocol()
    assert first is again


def test_an_event_comes_back_as_it_was_entered(house: House) -> None:
    event_id = event(
        house,
        clock="count",
        reason="planned",
        review_on=date(2026, 3, 1),
        every="P2W",
        due_on=date(2026, 3, 2),
        decided_by="Dr Invented",
        at_local="2026-03-04T10:30",
    )
    [found] = known(house)
    assert found.events == (
        Event(
            on=date(2026, 2, 20),
            type=EventType.HOLD,
            recorded_at=NOW,
            clock="count",
            reason="planned",
            review_on=date(2026, 3, 1),
            every=Duration(2, "W"),
            due_on=date(2026, 3, 2),
            decided_by="Dr Invented",
            at=datetime(2026, 3, 4, 10, 30),  # noqa: DTZ001 - local, the patient's zone says where
            ref=str(event_id),
        ),
    )


def test_results_of_a_day_are_one_draw(house: House) -> None:
    result(house, value=Decimal("4.5"))
    result(house, analyte="plt", value=Decimal("210"), recorded_at=LATER)
    result(house, collected_on=date(2026, 2, 15), value=Decimal("5.0"))
    [found] = known(house)
    assert found.draws == (
        Draw(
            on=date(2026, 2, 15),
            components=frozenset({"wbc"}),
            values={"wbc": Decimal("5.0")},
            recorded_at=NOW,
        ),
        Draw(
            on=date(2026, 3, 1),
            components=frozenset({"wbc", "plt"}),
            values={"wbc": Decimal("4.5"), "plt": Decimal("210")},
            recorded_at=LATER,
        ),
    )


def test_of_two_values_the_later_known_one_counts(house: House) -> None:
    result(house, value=Decimal("1.0"), recorded_at=LATER, status="corrected")
    result(house, value=Decimal("9.0"), recorded_at=NOW)
    [found] = known(house)
    assert found.draws[0].values == {"wbc": Decimal("1.0")}


def test_what_is_not_usable_not_final_or_voided_is_no_draw(house: House) -> None:
    result(house, usable=False, problem="the unit is not known")
    result(house, status="preliminary")
    result(house, status="cancelled")
    result(house, status="entered-in-error")
    result(house, voided_at=NOW)
    event(house, voided_at=NOW)
    [found] = known(house)
    assert (found.draws, found.events) == ((), ())


def test_a_death_ends_every_course_and_says_when_it_became_known(house: House) -> None:
    with writing(house.engine) as session:
        assert patients.end(session, house.patient, on=date(2026, 2, 25), reason=EndReason.DIED, now=LATER)
        assert not patients.end(
            session, house.patient, on=date(2026, 2, 26), reason=EndReason.DIED, now=LATER
        )
    [found] = known(house)
    [death] = found.events
    assert (death.on, death.type, death.recorded_at) == (date(2026, 2, 25), EventType.DIED, LATER)
    answer = plan(found.course, found.events, found.draws, today=date(2026, 3, 2))
    assert answer.open_items == ()


def test_a_voided_course_is_not_known(house: House) -> None:
    with writing(house.engine) as session:
        row = {"clinic_id": house.clinic_id, "id": house.course_id, "voided_at": NOW}
        batches.change(session, Course, [row])
        assert courses.known(session, [house.course]) == []
        assert courses.of_patients(session, [house.patient]) == []
        assert courses.of_clinic(session, house.clinic_id) == []


def test_a_stranger_with_the_right_id_finds_nothing(house: House) -> None:
    stranger = House(house.engine)
    with writing(house.engine) as session:
        stranger.found(session, "Oak Street")
        assert courses.known(session, [(stranger.clinic_id, house.course_id)]) == []
        assert courses.of_clinic(session, stranger.clinic_id) == [stranger.course]
        assert patients.of(session, [(stranger.clinic_id, house.patient_id)]) == {}
        assert patients.by_number(session, stranger.clinic_id, [("elm", "1"), ("elm", "2")]) == {
            ("elm", "1"): stranger.patient_id
        }


def test_many_courses_take_a_handful_of_queries(house: House) -> None:
    with writing(house.engine) as session:
        digest = protocols.pin(session, house.clinic_id, a_protocol(), now=NOW)
        people = batches.insert(session, Patient, [house.someone(mrn=f"m{n}") for n in range(600)])
        rows = [house.a_course(digest, patient_id=person["id"]) for person in people]
        keys = [(row["clinic_id"], row["id"]) for row in batches.insert(session, Course, rows)]
        assert {found.key for found in courses.known(session, keys)} == set(keys)


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Pacific/Kiritimati", datetime(2026, 3, 8, 10, tzinfo=UTC)),
        ("America/New_York", datetime(2026, 3, 9, 4, tzinfo=UTC)),
        ("Pacific/Niue", datetime(2026, 3, 9, 11, tzinfo=UTC)),
    ],
)
def test_a_plan_changes_by_itself_on_its_patients_own_day(house: House, zone: str, first: datetime) -> None:
    key = {"clinic_id": house.clinic_id}
    with writing(house.engine) as session:
        batches.change(session, Patient, [key | {"id": house.patient_id, "time_zone": zone}])
        row = key | {"id": house.course_id, "replan_on": date(2026, 3, 9), "ended_on": None}
        assert courses.planned(session, [row]) == 1
        assert courses.to_replan(session, now=first - timedelta(minutes=1), limit=5) == []
        assert courses.to_replan(session, now=first, limit=5) == [house.course]
        courses.planned(session, [row | {"replan_on": None}])
        assert courses.to_replan(session, now=first, limit=5) == []


def test_the_moment_of_the_newest_fact_is_in_utc(house: House) -> None:
    event(house, recorded_at=LATER)
    [found] = known(house)
    assert found.events[0].recorded_at is not None
    assert found.events[0].recorded_at.tzinfo is UTC
