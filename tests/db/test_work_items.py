from datetime import timedelta

from sqlmodel import select

from db import work_items
from db.engine import reading, writing
from db.tables import WorkItem, WorkState
from tests.db.conftest import NOW, House

LATER = NOW + timedelta(days=1)


def work(house: House, **columns: object) -> dict[str, object]:
    values = {
        "clinic_id": house.clinic_id,
        "patient_id": house.patient_id,
        "kind": "unreachable",
        "level": "24h",
        "role": "coordinator",
        "key": "unreachable",
        "due_by": LATER,
    }
    return values | columns


def test_the_same_thing_is_raised_again_and_not_twice(house: House) -> None:
    with writing(house.engine) as session:
        work_items.raise_(session, [work(house)], now=NOW)
        work_items.raise_(session, [work(house, due_by=NOW), work(house, key="other")], now=LATER)
    with reading(house.engine) as session:
        first, other = session.exec(select(WorkItem).order_by(WorkItem.raised.desc())).all()
    assert (first.raised, first.opened_at, first.raised_at, first.due_by) == (2, NOW, LATER, LATER)
    assert (other.key, other.raised) == ("other", 1)


def test_what_was_finished_is_opened_anew(house: House) -> None:
    with writing(house.engine) as session:
        work_items.raise_(session, [work(house)], now=NOW)
        assert (
            work_items.finish(session, [(house.clinic_id, "unreachable")], outcome="answered", now=NOW) == 1
        )
        assert work_items.finish(session, [(house.clinic_id, "unreachable")], outcome="again", now=LATER) == 0
        work_items.raise_(session, [work(house)], now=LATER)
    with reading(house.engine) as session:
        done, opened = session.exec(select(WorkItem).order_by(WorkItem.opened_at)).all()
    assert (done.state, done.outcome, done.closed_at) == (WorkState.DONE, "answered", NOW)
    assert (opened.state, opened.raised) == (WorkState.OPEN, 1)


def test_the_worklist_comes_by_deadline_with_names(house: House) -> None:
    with writing(house.engine) as session:
        rows = [
            work(house, key="late"),
            work(house, key="soon", due_by=NOW),
            work(house, key="nobody", patient_id=None, due_by=LATER + timedelta(1)),
        ]
        work_items.raise_(session, rows, now=NOW)
    with reading(house.engine) as session:
        found = work_items.unfinished(session, house.clinic_id)
    assert [(row.key, row.name) for row in found] == [
        ("soon", "Ada Invented"),
        ("late", "Ada Invented"),
        ("nobody", None),
    ]


def test_what_begins_alike_is_found_of_one_clinic_and_only_unfinished(house: House) -> None:
    stranger = House(house.engine)
    mine = house.clinic_id
    with writing(house.engine) as session:
        stranger.found(session, "Oak Street")
        keys = ("language/es/1", "language/es/2", "language/est/1", "other")
        work_items.raise_(session, [work(house, key=key) for key in keys], now=NOW)
        work_items.raise_(session, [work(stranger, key=keys[0])], now=NOW)
        work_items.finish(session, [(mine, keys[1])], outcome="signed", now=NOW)
        assert work_items.beginning(session, mine, "language/es/") == [(mine, keys[0])]


def test_work_about_an_item_ends_with_it(house: House) -> None:
    item_id = house.item(class_="missed")
    with writing(house.engine) as session:
        work_items.raise_(session, [work(house, item_id=item_id), work(house, key="other")], now=NOW)
        assert [row.key for row in work_items.for_items(session, [(house.clinic_id, item_id)])] == [
            "unreachable"
        ]
        assert (
            work_items.finish_for_items(session, [(house.clinic_id, item_id)], outcome="tested", now=NOW) == 1
        )
        assert [row.key for row in work_items.unfinished(session, house.clinic_id)] == ["other"]
