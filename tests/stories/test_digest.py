"""H08, H07: staff are mailed every day at eight, also that there is nothing; one after an outage."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from db import deployments
from db.engine import reading, writing
from schedules import days, library
from service.channels import Accepted, Rejected
from service.flows import doctor, health, holds
from service.flows.watchdog import Watchdog
from tests.stories.conftest import Practice
from tests.stories.drill import live as live_through
from tests.stories.mailed import DESK, DOCTOR, Mailbox, live, mailed, put, red, remove, send, watchdog

ZONE = ZoneInfo("America/New_York")
EIGHT = datetime(2026, 1, 12, 13, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def box(practice: Practice) -> Mailbox:
    practice.clock.wind(EIGHT - HOUR)
    return mailed(practice, DESK)


def through(practice: Practice, until: datetime, *, step: timedelta = HOUR) -> None:
    live(practice, until, step=step)


def digests(box: Mailbox) -> list[datetime]:
    return [at for at, letter in box.letters if "overdue" in letter.subject]


def test_H08_a_digest_comes_every_day_at_eight_also_with_nothing_to_report(
    practice: Practice, box: Mailbox
) -> None:
    through(practice, EIGHT + 2 * DAY + HOUR)
    assert digests(box) == [EIGHT, EIGHT + DAY, EIGHT + 2 * DAY]
    _, letter = box.letters[0]
    assert letter.subject == "Elm Street: 0 overdue, 0 same-day (Monday 12 January 2026)"
    assert letter.body == (
        "Elm Street: Monday 12 January 2026, checked at 8:00 am (America/New_York).\n\n"
        "Open work, same-day and emergency: 0\n"
        "Overdue: 0\n"
        "Due in the next 7 days: 0\n"
        "Patients who cannot be reached: 0\n"
        "Messages that did not arrive, or perhaps did not: 0\n\n"
        f"Who they are: https://nextcount.example/overdue?clinic={practice.clinic_id}\n\n"
        "This mail comes every day at 8:00 am, also when everything is at 0. On a day without it reminders "
        "may have stopped as well: look at nextcount, or call whoever runs it."
    )


def test_it_counts_what_is_due_overdue_unreachable_and_red(practice: Practice) -> None:
    box = mailed(practice, DESK)
    protocol = library.protocol("azathioprine-us-label")
    for number in range(4):
        patient = practice.patient(name=f"Invented {number}")
        practice.contact(patient, given=number > 0)
        practice.course(patient, protocol, date(2026, 1, 5) + timedelta(days=number))
    live_through(practice, EIGHT + 10 * DAY - HOUR, step=3 * HOUR)
    red(practice, level="emergency")
    red(practice, level="24h", kind="undeliverable")
    red(practice, level="24h", kind="unknown-delivery")
    through(practice, EIGHT + 10 * DAY + HOUR)
    [letter] = [
        letter for at, letter in box.letters if at == EIGHT + 10 * DAY and "overdue" in letter.subject
    ]
    counts = dict(line.split(": ") for line in letter.body.splitlines()[2:7])
    overdue = sum(row.class_ is None and row.last_on_time < date(2026, 1, 22) for row in practice.items)
    unreachable = sum(row.kind == "unreachable" for row in practice.work)
    assert overdue
    assert unreachable
    assert counts == {
        "Open work, same-day and emergency": "1",
        "Overdue": str(overdue),
        "Due in the next 7 days": str(
            sum(row.due_on < date(2026, 1, 29) for row in practice.items) - overdue
        ),
        "Patients who cannot be reached": str(unreachable),
        "Messages that did not arrive, or perhaps did not": "2",
    }
    text = f"{letter.subject} {letter.body}".lower()
    assert not [word for word in ("invented", "azathioprine", "blood", "tablet") if word in text]


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1), date(2026, 7, 1)])
def test_eight_is_eight_over_a_clock_change(practice: Practice, day: date) -> None:
    box = mailed(practice, DESK)
    for morning in (day - DAY, day, day + DAY):
        practice.clock.wind(days.instant(morning, time(7), ZONE))
        through(practice, days.instant(morning, time(9), ZONE), step=HOUR / 2)
    local = [at.astimezone(ZONE).replace(tzinfo=None) for at in digests(box)]
    assert local == [datetime.combine(morning, time(8)) for morning in (day - DAY, day, day + DAY)]


def test_H07_after_an_outage_there_is_one_digest(practice: Practice, box: Mailbox) -> None:
    through(practice, EIGHT + HOUR)
    practice.clock.wind(EIGHT + 3 * DAY + 5 * HOUR)
    back = practice.clock()
    through(practice, back + 3 * HOUR)
    assert digests(box) == [EIGHT, back]


def test_H07_a_transport_that_was_away_for_days_brings_todays_alone(practice: Practice, box: Mailbox) -> None:
    box.answers = lambda letter: Rejected("ConnectError", permanent=False)
    through(practice, EIGHT + DAY + 17 * HOUR)
    box.answers = lambda letter: Accepted()
    through(practice, EIGHT + 2 * DAY + HOUR)
    assert digests(box) == [EIGHT + 2 * DAY]
    assert {row.state for row in practice.notices if row.kind == "digest"} == {"failed", "accepted"}


def test_after_a_hold_it_comes_with_the_release(practice: Practice, box: Mailbox) -> None:
    with writing(practice.engine) as session:
        deployments.hold(session, reason="a test", now=practice.clock())
    through(practice, EIGHT + 2 * DAY + HOUR)
    assert box.letters == []
    holds.release(practice.engine, "here", by="Kim Invented", now=practice.clock())
    released = practice.clock()
    through(practice, released + 2 * HOUR)
    assert digests(box) == [released]


def test_every_address_gets_its_own_and_two_watchdogs_make_no_second(
    practice: Practice, box: Mailbox
) -> None:
    put(practice, DOCTOR, alarms=False)
    practice.clock.wind(EIGHT)
    for watch in (watchdog(practice), watchdog(practice)):
        watch.tick()
        send(practice)
    assert sorted(letter.address for _, letter in box.letters) == [DESK, DOCTOR]


def test_who_is_removed_or_wants_none_gets_none(practice: Practice, box: Mailbox) -> None:
    put(practice, DOCTOR)
    practice.clock.wind(EIGHT)
    watchdog(practice).tick()
    remove(practice, DESK)
    put(practice, DOCTOR, digest=False)
    send(practice)
    assert box.letters == []


def test_who_is_put_on_the_list_later_gets_todays_at_once(practice: Practice, box: Mailbox) -> None:
    through(practice, EIGHT + 2 * HOUR)
    put(practice, DOCTOR)
    through(practice, EIGHT + 3 * HOUR)
    assert box.to(DOCTOR) == [EIGHT + 2 * HOUR]


@pytest.mark.parametrize("addresses", [(), (DESK, DOCTOR)])
def test_without_a_transport_it_lies_in_the_outbox_once(
    practice: Practice, addresses: tuple[str, ...]
) -> None:
    for address in addresses:
        put(practice, address)
    practice.clock.wind(EIGHT)
    through(practice, EIGHT + HOUR)
    said = [row for row in practice.notices if row.kind == "digest" and row.state == "accepted"]
    assert [row.channel for row in said] == ["outbox"]


def test_doctor_and_the_banner_say_that_nobody_is_mailed(practice: Practice) -> None:
    def found(*, mails: bool) -> list[tuple[bool, str]]:
        findings = doctor.examine(practice.engine, None, now=practice.clock(), mails=mails)
        return [(one.wrong, one.sentence) for one in findings if one.check == "staff"]

    assert found(mails=False) == [
        (False, "No e-mail transport is configured: nobody is mailed digests and alarms.")
    ]
    nobody = "Elm Street: nobody is mailed everything: run nextcount staff set."
    assert found(mails=True) == [(True, nobody)]
    put(practice, DESK, alarms=False)
    assert found(mails=True) == [(True, nobody)]
    assert health.look(practice.engine, now=practice.clock()).unmailed == ("Elm Street",)
    put(practice, DOCTOR, digest=False)
    assert found(mails=True) == []
    assert health.look(practice.engine, now=practice.clock()).unmailed == ()


def test_H08_doctor_misses_a_digest_after_a_day(practice: Practice, box: Mailbox) -> None:
    def found() -> list[tuple[bool, str]]:
        findings = doctor.examine(practice.engine, None, now=practice.clock())
        return [(one.wrong, one.sentence) for one in findings if one.check == "digests"]

    through(practice, EIGHT + HOUR)
    said = "Elm Street: the last digest went out 2026-01-12 13:00 UTC."
    practice.clock.wind(EIGHT + 26 * HOUR)
    assert found() == [(False, said)]
    practice.clock.wind(EIGHT + 26 * HOUR + timedelta(seconds=1))
    assert found() == [(True, said)]


def test_a_clinic_that_came_after_eight_begins_the_next_day(practice: Practice) -> None:
    early = Watchdog(engine=practice.engine, clock=practice.clock, channels=practice.channels)
    practice.clock.wind(datetime(2026, 1, 5, 2, tzinfo=UTC))  # the clinic came at 19:00 of its 4 January
    early.tick()
    with reading(practice.engine) as session:
        assert deployments.get(session) is None
    assert [row for row in practice.notices if row.kind == "digest"] == []
