from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from db.engine import writing
from db.tables import METADATA, Attempt, Patient, WorkItem
from tests.db.conftest import NOW, House

KEYLESS = {"clinic", "deployment", "heartbeat", "lane", "receipt", "user_account", "api_key", "sign_in"}


@pytest.mark.parametrize("table", METADATA.sorted_tables, ids=lambda table: table.name)
def test_every_key_begins_with_the_clinic(table: sa.Table) -> None:
    if table.name in KEYLESS:
        return
    keys = [constraint for constraint in table.constraints if isinstance(constraint, sa.UniqueConstraint)]
    keys += [index for index in table.indexes if index.unique]
    for key in [table.primary_key, *keys]:
        assert next(iter(key.columns)).name == "clinic_id"
    for link in table.foreign_key_constraints:
        if link.referred_table.name in KEYLESS:
            continue
        assert link.column_keys[0] == "clinic_id"


def twice(make: Callable[..., Any], **columns: Any) -> None:
    make(**columns)
    with pytest.raises(sa.exc.IntegrityError):
        make(**columns)


def test_a_clock_has_one_open_item(raw_house: House) -> None:
    raw_house.item(ordinal=1)
    with pytest.raises(sa.exc.IntegrityError):
        raw_house.item(ordinal=2)
    raw_house.item(ordinal=2, class_="missed")


def test_an_item_has_its_ordinal_alone(raw_house: House) -> None:
    twice(raw_house.item, ordinal=1, class_="missed")


def test_a_track_has_one_waiting_rung(raw_house: House) -> None:
    item_id = raw_house.item()
    raw_house.reminder(item_id, rung="day-before")
    with pytest.raises(sa.exc.IntegrityError):
        raw_house.reminder(item_id, rung="due-day")
    raw_house.reminder(item_id, rung="due-day", state="sent")
    raw_house.reminder(item_id, rung="overdue", track="carer")
    raw_house.reminder(item_id, rung="day-before", version=2)


def test_a_rung_comes_once_per_version(raw_house: House) -> None:
    item_id = raw_house.item()
    twice(lambda **columns: raw_house.reminder(item_id, **columns), state="sent")


def test_a_quarter_of_an_hour_has_one_message_for_each_audience(house: House) -> None:
    twice(house.message, quarter=NOW)
    house.message(quarter=NOW, audience="carer")
    house.message(quarter=None)
    house.message(quarter=None)


def test_a_try_has_its_number_alone(house: House) -> None:
    message_id = house.message()
    columns = {"message_id": message_id, "number": 1, "channel": "outbox", "started_at": NOW}
    twice(lambda **given: house.add(Attempt, **given), **columns)


def test_a_record_number_is_one_patient_until_it_is_voided(house: House) -> None:
    twice(lambda **given: house.add(Patient, **house.someone(**given)), mrn="2", voided_at=None)
    house.add(Patient, **house.someone(mrn="2", voided_at=NOW))
    house.add(Patient, **house.someone(mrn="2", authority="oak"))


def test_a_key_has_one_unfinished_work_item(house: House) -> None:
    columns = {"kind": "late", "level": "routine", "role": "coordinator", "key": "k"}
    moments = {"opened_at": NOW, "raised_at": NOW, "due_by": NOW}
    twice(lambda **given: house.add(WorkItem, **given), **columns, **moments)
    house.add(WorkItem, **columns, **moments, state="done")


def test_a_row_cannot_point_into_another_clinic(raw_house: House, raw_engine: Engine) -> None:
    stranger = House(raw_engine)
    with writing(raw_engine) as session:
        stranger.found(session, "Oak Street")
    with pytest.raises(sa.exc.IntegrityError):
        stranger.message(patient_id=raw_house.patient_id)
