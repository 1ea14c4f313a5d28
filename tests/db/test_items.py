from dataclasses import replace
from datetime import date, datetime

import pytest

from db import items
from db.engine import reading, writing
from db.items import Stored
from db.types import new_id
from schedules.facts import STEP_UP, Class
from tests.db.conftest import NOW, House, planned


def stored(house: House, **changes: object) -> Stored:
    return Stored(
        clinic_id=house.clinic_id,
        id=new_id(),
        course_id=house.course_id,
        patient_id=house.patient_id,
        version=1,
        version_at=NOW,
        item=planned(**changes),
    )


def found(house: House) -> list[Stored]:
    with reading(house.engine) as session:
        return items.of_courses(session, [house.course])[house.course_id]


@pytest.mark.parametrize(
    "changes",
    [
        {"missing": ("plt", "wbc")},
        {"phase": STEP_UP, "held": True},
        {"phase": 12, "kind": "visit", "appointment": datetime(2026, 3, 1, 10, 30)},  # noqa: DTZ001 - local
        {"class_": Class.LATE, "collected_on": date(2026, 3, 9), "closed_on": date(2026, 3, 10)},
    ],
)
def test_an_item_comes_back_as_it_was_planned(raw_house: House, changes: dict[str, object]) -> None:
    row = stored(raw_house, **changes)
    with writing(raw_house.engine) as session:
        items.write(session, new=[row])
    assert found(raw_house) == [row]
    with reading(raw_house.engine) as session:
        assert items.of(session, [row.key]) == {row.id: row}


def test_an_item_closes_and_the_next_opens_in_one_writing(raw_house: House) -> None:
    first, second = stored(raw_house), stored(raw_house, ordinal=2)
    with writing(raw_house.engine) as session:
        items.write(session, new=[first])
    closed = replace(first, item=planned(class_=Class.ON_TIME, collected_on=date(2026, 3, 1)))
    with writing(raw_house.engine) as session:
        items.write(session, new=[second], changed=[closed])
    assert found(raw_house) == [closed, second]


def test_an_item_opens_again_when_its_result_is_withdrawn(raw_house: House) -> None:
    first = stored(raw_house, class_=Class.ON_TIME, collected_on=date(2026, 3, 1))
    second = stored(raw_house, ordinal=2)
    with writing(raw_house.engine) as session:
        items.write(session, new=[first, second])
    reopened = replace(first, version=2, item=planned())
    withdrawn = replace(second, item=planned(ordinal=2, class_=Class.WITHDRAWN))
    with writing(raw_house.engine) as session:
        items.write(session, changed=[reopened, withdrawn])
    assert found(raw_house) == [reopened, withdrawn]


def test_an_item_that_is_not_there_cannot_be_changed(house: House) -> None:
    with pytest.raises(LookupError), writing(house.engine) as session:
        items.write(session, changed=[stored(house)])


def test_only_open_items_can_be_locked(raw_house: House) -> None:
    closed, open_ = stored(raw_house, class_=Class.MISSED), replace(stored(raw_house, ordinal=2), version=3)
    with writing(raw_house.engine) as session:
        items.write(session, new=[closed, open_])
        assert items.lock_open(session, [closed.key, open_.key]) == {open_.id: 3}
        assert items.locked(session, [closed.key, open_.key]) == {open_.id: open_}
