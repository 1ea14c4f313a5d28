from datetime import date
from uuid import UUID

import pytest
import sqlalchemy as sa

from db import batches, courses, imports, patients, protocols, reminders, work_items
from db.engine import reading, writing
from db.tables import Course, Import, Item, Patient, Reminder, ReminderState, Result
from schedules.facts import Class
from tests.db.conftest import NOW, House, a_protocol


@pytest.fixture
def taken_in(house: House) -> UUID:
    return house.add(Import, name="records", by="Kim Invented", created_at=NOW)


def newcomer(house: House, import_id: UUID) -> tuple[UUID, UUID]:
    """A patient and a course of the import, with an open item, a waiting reminder and a work item."""
    patient_id = house.add(Patient, **house.someone(mrn="new", import_id=import_id))
    digest = a_protocol().hash
    course_id = house.add(Course, **house.a_course(digest, patient_id=patient_id, import_id=import_id))
    item_id = house.item(course_id=course_id, patient_id=patient_id)
    house.reminder(item_id, patient_id=patient_id)
    work = {
        "clinic_id": house.clinic_id,
        "patient_id": patient_id,
        "kind": "possible-duplicate",
        "level": "routine",
        "role": "coordinator",
        "key": "k",
        "due_by": NOW,
    }
    with writing(house.engine) as session:
        work_items.raise_(session, [work], now=NOW)
    return course_id, item_id


def test_an_import_is_released_once_by_a_named_person(house: House, taken_in: UUID) -> None:
    key = (house.clinic_id, taken_in)
    with writing(house.engine) as session:
        assert imports.release(session, key, by="Kim Invented", now=NOW)
        assert not imports.release(session, key, by="Lou Invented", now=NOW)
    with reading(house.engine) as session:
        found = imports.get(session, *key)
    assert found is not None
    assert (found.released_by, found.released_at) == ("Kim Invented", NOW)


def test_what_waits_for_the_release_is_known(house: House, taken_in: UUID) -> None:
    _, item_id = newcomer(house, taken_in)
    house.reminder(house.item())
    with reading(house.engine) as session:
        [waiting] = imports_waiting = reminders.unreleased(session, house.clinic_id, taken_in)
    assert len(imports_waiting) == 1
    assert (waiting.item_id, waiting.last_on_time) == (item_id, date(2026, 3, 8))


def test_an_import_is_undone_whole(house: House, taken_in: UUID) -> None:
    course_id, item_id = newcomer(house, taken_in)
    kept = house.reminder(house.item())
    with writing(house.engine) as session:
        undone = imports.undo(session, (house.clinic_id, taken_in), by="Kim Invented", now=NOW)
        assert undone is not None
        assert undone.counts["patient"] == undone.counts["course"] == 1
        assert undone.to_plan == []
        assert imports.undo(session, (house.clinic_id, taken_in), by="Kim Invented", now=NOW) is None
        assert not imports.release(session, (house.clinic_id, taken_in), by="Kim Invented", now=NOW)
    with reading(house.engine) as session:
        assert courses.known(session, [(house.clinic_id, course_id)]) == []
        assert session.get_one(Item, (house.clinic_id, item_id)).class_ is Class.WITHDRAWN
        assert work_items.unfinished(session, house.clinic_id) == []
        assert patients.by_number(session, house.clinic_id, [("elm", "new")]) == {}
        assert len(courses.known(session, [house.course])) == 1
        assert session.get_one(Reminder, (house.clinic_id, kept)).state is ReminderState.WAITING


def test_undoing_names_the_earlier_courses_that_it_told_something_of(house: House, taken_in: UUID) -> None:
    house.add(
        Result,
        patient_id=house.patient_id,
        analyte="wbc",
        value_as_sent="4",
        collected_on=date(2026, 3, 1),
        status="final",
        usable=False,
        recorded_at=NOW,
        source="test",
        import_id=taken_in,
    )
    with writing(house.engine) as session:
        undone = imports.undo(session, (house.clinic_id, taken_in), by="Kim Invented", now=NOW)
    assert undone is not None
    assert undone.to_plan == [house.course]
    assert undone.counts["result"] == 1


def test_the_numbers_of_an_undone_import_can_come_in_again(house: House, taken_in: UUID) -> None:
    newcomer(house, taken_in)
    with writing(house.engine) as session:
        imports.undo(session, (house.clinic_id, taken_in), by="Kim Invented", now=NOW)
        batches.insert(session, Patient, [house.someone(mrn="new")])
        protocols.pin(session, house.clinic_id, a_protocol(), now=NOW)
        assert session.scalar(sa.select(sa.func.count()).select_from(Patient)) == 3
