from datetime import timedelta
from uuid import UUID

from db import reminders
from db.engine import reading, writing
from db.reminders import Decision
from db.tables import Reminder, ReminderState
from tests.db.conftest import NOW, House


def row(house: House, reminder_id: UUID) -> Reminder:
    with reading(house.engine) as session:
        return session.get_one(Reminder, (house.clinic_id, reminder_id))


def decision(house: House, reminder_id: UUID, state: ReminderState) -> Decision:
    return Decision(clinic_id=house.clinic_id, id=reminder_id, state=state, reason="because")


def test_a_reminder_is_decided_once(raw_house: House) -> None:
    reminder_id = raw_house.reminder(raw_house.item())
    with writing(raw_house.engine) as session:
        assert reminders.decide(session, [decision(raw_house, reminder_id, ReminderState.SENT)], now=NOW) == 1
        assert (
            reminders.decide(session, [decision(raw_house, reminder_id, ReminderState.EXPIRED)], now=NOW) == 0
        )
    found = row(raw_house, reminder_id)
    assert (found.state, found.reason, found.decided_at) == (ReminderState.SENT, "because", NOW)


def test_what_waits_for_an_item_is_withdrawn_and_the_rest_stays(raw_house: House) -> None:
    item_id = raw_house.item()
    sent = raw_house.reminder(item_id, rung="week-before", state="sent", decided_at=NOW)
    waiting = [raw_house.reminder(item_id), raw_house.reminder(item_id, track="carer")]
    other = raw_house.reminder(raw_house.item(clock="other"))
    with writing(raw_house.engine) as session:
        keys = [(raw_house.clinic_id, item_id)]
        assert reminders.withdraw(session, keys, reason="a result came", now=NOW) == 2
    states = [row(raw_house, id_).state for id_ in (sent, *waiting, other)]
    assert states == [
        ReminderState.SENT,
        ReminderState.WITHDRAWN,
        ReminderState.WITHDRAWN,
        ReminderState.WAITING,
    ]


def test_a_message_says_what_still_waits(house: House) -> None:
    item_id, message_id = house.item(), house.message()
    waiting = house.reminder(item_id, message_id=message_id)
    house.reminder(item_id, rung="day-before", message_id=message_id, state="superseded", decided_at=NOW)
    with reading(house.engine) as session:
        found = reminders.of_messages(session, [(house.clinic_id, message_id)])
        history = reminders.of_items(session, [(house.clinic_id, item_id)])
    assert [reminder.id for reminder in found[message_id]] == [waiting]
    assert len(history[item_id]) == 2


def test_a_waiting_reminder_moves_and_a_decided_one_does_not(raw_house: House) -> None:
    item_id, message_id = raw_house.item(), raw_house.message()
    waiting = raw_house.reminder(item_id)
    sent = raw_house.reminder(item_id, rung="day-before", state="sent", decided_at=NOW)
    later = NOW + timedelta(days=1)
    moved = [
        {"clinic_id": raw_house.clinic_id, "id": id_, "send_at": later, "message_id": message_id}
        for id_ in (waiting, sent)
    ]
    with writing(raw_house.engine) as session:
        assert reminders.move(session, moved) == 1
        assert reminders.move(session, []) == 0
    assert row(raw_house, waiting).send_at == later
    assert row(raw_house, sent).send_at == NOW


def test_a_message_concerns_the_items_of_what_waits_in_it(house: House) -> None:
    item_id, message_id = house.item(), house.message()
    house.reminder(item_id, message_id=message_id)
    with reading(house.engine) as session:
        assert reminders.items_of(session, [(house.clinic_id, message_id)]) == {(house.clinic_id, item_id)}
