"""H06, H30, H31: the clock is set while the loops run, and a reminder goes later than it was planned for."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from db import batches
from db.engine import writing
from db.tables import Channel, Message
from schedules import days, library
from service.channels import Answer, Letter, Rejected
from service.flows import reminders, times, upkeep
from tests.stories.conftest import Practice
from tests.stories.drill import LABEL, Recorder, busy, moment
from tests.stories.test_clock_changes import booked

NEW_YORK = days.zone("America/New_York")
JUMPS = [timedelta(seconds=n) for n in (1, 61, 3600, 10_800, 86_400)] + [timedelta(days=400)]


@pytest.mark.parametrize("seed", range(2))
def test_H06_however_the_clock_is_set_nothing_is_early_doubled_unsent_or_at_night(
    practice: Practice, seed: int
) -> None:
    """From one second to 400 days, forward and back, each followed by what a worker does about it."""
    luck, recorder, said = random.Random(seed), Recorder(), dict[Any, datetime]()
    practice.channels = dict.fromkeys(practice.channels, recorder)
    busy(practice)
    practice.clock.wind(moment(9, 12))
    for step in range(24):
        by = timedelta(hours=luck.randint(1, 5))
        if step % 3 == 2:
            by = luck.choice(JUMPS) * luck.choice((-1, 1))
        practice.clock.wind(practice.clock() + by)
        if step % 3 == 2 and abs(by) > times.JUMP:
            times.set_right(practice.engine, practice.clock, jumped=True)
            upkeep.tick(practice.engine, practice.clock)
        reminders.tick(practice.engine, practice.clock, practice.channels)
        for row in (row for row in practice.reminders if row.state == "sent"):
            assert row.decided_at >= row.send_at, "early"
            assert said.setdefault(row.id, row.decided_at) == row.decided_at, "said again, or un-sent"
    assert {row.id for row in practice.reminders if row.state == "sent"} == said.keys()
    assert len(recorder.letters) == len({letter.key for letter in recorder.letters})
    at_home = [row for row in practice.messages if row.accepted_at and row.audience == "patient"]
    assert at_home
    night = days.DEFAULT_QUIET_HOURS
    assert not [row for row in at_home if night.contain(row.accepted_at.astimezone(NEW_YORK).time())]


def someone(practice: Practice) -> None:
    patient = practice.patient()
    practice.contact(patient)
    practice.course(patient, library.protocol(LABEL), date(2026, 1, 5))


def to_patient(practice: Practice) -> Any:
    [row] = [row for row in practice.reminders if row.track == "patient" and row.state == "waiting"]
    return row


def message_of(practice: Practice, row: Any) -> Any:
    return next(message for message in practice.messages if message.id == row.message_id)


def test_H06_a_retry_is_not_put_off_by_a_clock_that_was_ahead(practice: Practice) -> None:
    """Refused while the clock was 400 days ahead; right again, the reminder is due as it was."""
    someone(practice)
    practice.clock.wind(moment(11, 14))
    with writing(practice.engine) as session:
        far = {"send_at": moment(11, 14) + timedelta(days=400)}
        waiting = batches.table(Message).c.id == to_patient(practice).message_id
        session.execute(batches.table(Message).update().where(waiting).values(far))
    times.set_right(practice.engine, practice.clock, jumped=False)
    assert message_of(practice, to_patient(practice)).send_at == moment(11, 14)


def test_H06_what_waits_a_minute_for_its_provider_goes_on_waiting_over_a_restart(practice: Practice) -> None:
    class Busy:
        def send(self, letter: Letter) -> Answer:
            return Rejected("busy", permanent=False, retry_after=timedelta(minutes=10))

    someone(practice)
    practice.channels = dict(practice.channels) | {Channel.OUTBOX: Busy()}
    practice.clock.wind(moment(11, 14))
    reminders.tick(practice.engine, practice.clock, practice.channels)
    again = message_of(practice, to_patient(practice)).send_at
    times.set_right(practice.engine, practice.clock, jumped=False)
    assert message_of(practice, to_patient(practice)).send_at == again >= moment(11, 14, 10)


def test_H30_what_falls_into_the_quiet_hours_goes_at_their_end_and_shows_both_times(
    practice: Practice,
) -> None:
    someone(practice)
    practice.clock.wind(moment(12, 3))  # 22:00 of the day before: nothing ran since the morning
    reminders.tick(practice.engine, practice.clock, practice.channels)
    row = to_patient(practice)
    assert (row.rung, row.send_at) == ("day-before", moment(11, 14))
    assert message_of(practice, row).send_at == moment(12, 13)
    practice.run_until(moment(12, 13, 30))
    said = [row for row in practice.reminders if row.state == "sent" and row.track == "patient"]
    assert [(row.rung, row.decided_at) for row in said] == [("day-before", moment(12, 13))]


def test_H30_what_cannot_go_before_the_next_is_said_with_the_next(practice: Practice) -> None:
    someone(practice)
    practice.clock.wind(moment(12, 15))
    reminders.tick(practice.engine, practice.clock, practice.channels)
    fates = {row.rung: row.state.value for row in practice.reminders if row.track == "patient"}
    assert (fates["day-before"], fates["due-day"]) == ("superseded", "sent")


def test_H31_a_late_text_says_the_day_and_how_it_stands_when_it_is_sent(practice: Practice) -> None:
    """Planned for the day before, sent three weeks after: the date is the same, and overdue is said."""
    someone(practice)
    recorder = Recorder()
    practice.channels = dict(practice.channels) | {Channel.OUTBOX: recorder}
    practice.clock.wind(datetime(2026, 2, 2, 15, tzinfo=UTC))
    reminders.tick(practice.engine, practice.clock, practice.channels)
    [letter] = recorder.letters
    assert "Monday" in letter.body
    assert "2026" in letter.body
    assert "Do not change your tablets" in letter.body
    assert "tomorrow" not in letter.body


def test_H31_what_can_no_longer_help_is_expired_and_not_said(practice: Practice) -> None:
    recorder = Recorder()
    practice.channels = dict.fromkeys(practice.channels, recorder)
    booked(practice, "America/New_York", datetime(2026, 1, 10, 9, 30))  # noqa: DTZ001  a local time
    practice.clock.wind(moment(10, 14, 30))
    reminders.tick(practice.engine, practice.clock, practice.channels)
    fates = [row.state.value for row in practice.reminders if row.rung.startswith("appointment")]
    assert fates
    assert set(fates) == {"expired"}
    assert recorder.letters == []
