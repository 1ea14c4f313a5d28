"""H08, H21: same-day and emergency work is mailed at once, past everything else, until it is taken."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from db import deployments, work_items
from db.engine import writing
from db.tables import Attempt, WorkItem
from db.types import new_id
from schedules import library
from service.channels import Accepted, Answer, Letter, Rejected, Unknown
from service.flows import alarms, digests, holds, news, pauses, reminders, results
from tests.stories.conftest import Practice
from tests.stories.drill import live as live_through
from tests.stories.drill import moment
from tests.stories.mailed import DESK, DOCTOR, Mailbox, live, mailed, put, red, send, watchdog

NIGHT = datetime(2026, 1, 14, 7, tzinfo=UTC)  # 02:00 at the clinic
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@pytest.fixture
def box(practice: Practice) -> Mailbox:
    practice.clock.wind(NIGHT)
    return mailed(practice, DESK)


def acknowledge(practice: Practice) -> None:
    with writing(practice.engine) as session:
        for row in practice.work:
            item = session.get_one(WorkItem, (row.clinic_id, row.id))
            item.state, item.owner, item.claimed_at = "claimed", "Kim Invented", practice.clock()


def finish(practice: Practice) -> None:
    keys = [(row.clinic_id, row.key) for row in practice.work]
    with writing(practice.engine) as session:
        work_items.finish(session, keys, outcome="seen", now=practice.clock())


def test_H08_a_same_day_item_is_mailed_at_once_at_night_too(practice: Practice, box: Mailbox) -> None:
    red(practice)
    send(practice)
    [(at, letter)] = box.letters
    assert (at, letter.address, letter.sender) == (NIGHT, DESK, "Elm Street")
    assert letter.subject == "Elm Street: 1 same-day: please look now"
    assert letter.body.splitlines()[:5] == [
        "Elm Street: work for today that nobody has taken yet.",
        "",
        "1 same-day: a result beyond a limit, since Wednesday 14 January 2026, 2:00 am",
        "",
        f"The work list: https://nextcount.example/work?clinic={practice.clinic_id}",
    ]


def test_H08_the_alarm_is_of_the_items_own_transaction(practice: Practice, box: Mailbox) -> None:
    row = {"clinic_id": practice.clinic_id, "kind": "limit", "level": "emergency", "role": "prescriber"}
    row |= {"key": "test", "due_by": NIGHT}

    def lost() -> None:
        with writing(practice.engine) as session:
            work_items.raise_(session, [row], now=NIGHT)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        lost()
    assert practice.notices == []
    red(practice)
    assert [notice.kind for notice in practice.notices] == ["alarm"]


@pytest.mark.parametrize("level", ["routine", "24h"])
def test_what_can_wait_a_day_wakes_nobody(practice: Practice, box: Mailbox, level: str) -> None:
    red(practice, level=level)
    send(practice)
    assert (practice.notices, box.letters) == ([], [])


def test_what_is_raised_again_is_no_second_alarm(practice: Practice, box: Mailbox) -> None:
    for _ in range(3):
        red(practice, "one")
        send(practice)
        practice.clock.wind(practice.clock() + 2 * MINUTE)
    assert len(box.letters) == 1


def test_H08_it_is_repeated_until_it_is_a_day_old(practice: Practice, box: Mailbox) -> None:
    red(practice)
    live(practice, NIGHT + timedelta(hours=27), step=30 * MINUTE)
    alarms = [at - NIGHT for at, letter in box.letters if "please look now" in letter.subject]
    hours = [timedelta(hours=number) for number in range(1, 25)]
    assert alarms == [timedelta(), 30 * MINUTE, *hours]


@pytest.mark.parametrize("taken", [acknowledge, finish])
def test_H08_it_is_not_repeated_once_somebody_took_it(practice: Practice, box: Mailbox, taken: Any) -> None:
    red(practice)
    live(practice, NIGHT + 45 * MINUTE, step=15 * MINUTE)
    taken(practice)
    live(practice, NIGHT + 3 * HOUR, step=15 * MINUTE)
    assert box.to(DESK) == [NIGHT, NIGHT + 30 * MINUTE]
    assert [notice.state for notice in practice.notices if notice.kind == "alarm"][-1] == "empty"


def test_H08_many_items_are_one_mail(practice: Practice, box: Mailbox) -> None:
    put(practice, DOCTOR)
    red(practice, *map(str, range(300)))
    for number in range(60):
        red(practice, f"of its own transaction/{number}", level="emergency")
    send(practice)
    practice.clock.wind(NIGHT + 5 * MINUTE)
    send(practice)
    assert Counter(letter.address for _, letter in box.letters) == {DESK: 1, DOCTOR: 1}
    _, letter = box.letters[0]
    assert letter.subject == "Elm Street: 60 emergency, 300 same-day: please look now"
    assert [line.partition(":")[0] for line in letter.body.splitlines()[2:4]] == [
        "60 emergency",
        "300 same-day",
    ]


def test_H08_new_work_is_told_within_a_minute_of_the_last_mail_and_at_once_after(
    practice: Practice, box: Mailbox
) -> None:
    red(practice)
    send(practice)
    for after in (10, 20, 30):
        practice.clock.wind(NIGHT + timedelta(seconds=after))
        red(practice)
        send(practice)
    practice.clock.wind(NIGHT + MINUTE)
    send(practice)
    practice.clock.wind(NIGHT + 3 * MINUTE)
    red(practice)
    send(practice)
    assert box.to(DESK) == [NIGHT, NIGHT + MINUTE, NIGHT + 3 * MINUTE]
    live(practice, NIGHT + 40 * MINUTE, step=MINUTE)
    assert box.to(DESK)[3:] == [NIGHT + 33 * MINUTE]


def test_H21_an_alarm_goes_before_reminders_that_were_due_first(practice: Practice, box: Mailbox) -> None:
    for number in range(3):
        patient = practice.patient(name=f"Invented {number}")
        practice.contact(patient)
        practice.course(patient, library.protocol("azathioprine-us-label"), practice.clock().date())
    practice.clock.wind(NIGHT + timedelta(days=7, hours=10))
    order: list[str] = []

    def take(letter: Letter) -> Answer:
        order.append(letter.address)
        return Accepted()

    box.answers = take
    practice.channels = dict.fromkeys(practice.channels, box) | {"sms": box}
    red(practice)
    send(practice)
    assert order[0] == DESK
    assert len(order) > 1


def test_H21_an_alarm_does_not_wait_for_a_batch_that_hangs(
    practice: Practice, box: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop of reminders is stuck in its calls; the watchdog's own sends alarms, and nothing else."""
    monkeypatch.setattr(reminders, "tick", lambda *_, **__: pytest.fail("stuck"))
    red(practice)
    watchdog(practice).tick()
    assert box.to(DESK) == [NIGHT]
    assert [row.state for row in practice.notices if row.kind == "canary"] == ["waiting"]


@pytest.mark.parametrize("broken", [(digests, "count"), (news, "look")], ids=["one", "all"])
def test_H08_notices_that_fail_do_not_stop_reminders(
    practice: Practice, box: Mailbox, monkeypatch: pytest.MonkeyPatch, broken: tuple[Any, str]
) -> None:
    """One digest that cannot be made does not even stop an alarm."""
    patient = practice.patient()
    practice.contact(patient)
    practice.course(patient, library.protocol("azathioprine-us-label"), practice.clock().date())
    monkeypatch.setattr(*broken, lambda *_, **__: 1 / 0)
    practice.channels = dict(practice.channels) | {"sms": box}
    practice.clock.wind(NIGHT + timedelta(days=7, hours=10))
    digests.plan(practice.engine, now=practice.clock())
    red(practice)
    send(practice)
    told = {letter.address for _, letter in box.letters}
    assert told == {"+12025550101"} | ({DESK} if broken[1] == "count" else set())


def test_what_is_refused_is_tried_again_and_ends_with_a_person(practice: Practice, box: Mailbox) -> None:
    box.answers = lambda letter: Rejected("550 5.1.1", permanent=True, bad_address=True)
    red(practice)
    send(practice)
    assert [row.kind for row in practice.work] == ["limit", "staff-mail-undeliverable"]
    assert practice.notices[0].state == "failed"
    box.answers = lambda letter: Accepted()
    live(practice, NIGHT + HOUR, step=15 * MINUTE)
    assert box.to(DESK)[0] == NIGHT + 30 * MINUTE
    assert [row.state for row in practice.work if row.kind == "staff-mail-undeliverable"] == ["done"]


def test_a_mail_server_that_is_away_is_tried_again_with_the_same_key(
    practice: Practice, box: Mailbox
) -> None:
    keys = []

    def away(letter: Letter) -> Answer:
        keys.append(letter.key)
        return Rejected("ConnectError", permanent=False) if len(keys) < 4 else Accepted()

    box.answers = away
    red(practice)
    live(practice, NIGHT + 3 * MINUTE, step=timedelta(seconds=20))
    assert len(keys) == 4
    assert len(set(keys)) == 1
    assert len(box.letters) == 1


def test_in_doubt_it_is_said_again_after_a_quarter_of_an_hour(practice: Practice, box: Mailbox) -> None:
    asked = []

    def doubtful(letter: Letter) -> Answer:
        asked.append(practice.clock())
        return Unknown("TimeoutError") if len(asked) == 1 else Accepted()

    box.answers = doubtful
    red(practice)
    live(practice, NIGHT + 20 * MINUTE, step=MINUTE)
    assert asked == [NIGHT, NIGHT + 15 * MINUTE]
    first, second = (row for row in practice.rows(Attempt, "number", "started_at") if row.channel == "email")
    assert second.repeats == first.id


def test_a_pause_of_the_clinic_does_not_stop_it(practice: Practice, box: Mailbox) -> None:
    with writing(practice.engine) as session:
        those = pauses.named(session, None)
        until, now = NIGHT + timedelta(days=2), practice.clock()
        pauses.begin(session, those, by="Kim Invented", reason="a test", until=until, now=now)
    red(practice)
    send(practice)
    assert len(box.letters) == 1


def test_a_hold_stops_it_until_the_release(practice: Practice, box: Mailbox) -> None:
    with writing(practice.engine) as session:
        deployments.hold(session, reason="a test", now=practice.clock())
    red(practice)
    live(practice, NIGHT + HOUR, step=15 * MINUTE)
    assert box.letters == []
    holds.release(practice.engine, "here", by="Kim Invented", now=practice.clock())
    send(practice)
    assert box.to(DESK) == [NIGHT + HOUR]


def test_a_result_beyond_a_limit_is_an_alarm_that_names_nobody(practice: Practice) -> None:
    """From the laboratory's value to the mail, with the real flows."""
    box = mailed(practice, DESK)
    patient = practice.patient(name="Ada Invented")
    practice.contact(patient)
    protocol = library.protocol("azathioprine-bsr-2017")
    practice.course(patient, protocol, practice.clock().date())
    live_through(practice, moment(6, 0))
    found = {"clinic_id": practice.clinic_id, "patient_id": patient, "analyte": "wbc", "usable": True}
    found |= {"id": new_id(), "value": Decimal("1.0"), "status": "final"}
    with writing(practice.engine) as session:
        assert (
            results.judge(session, [found | {"collected_on": moment(6, 0).date()}], now=practice.clock()) == 1
        )
    send(practice)
    [(_, letter)] = box.letters
    text = f"{letter.subject} {letter.body}".lower()
    assert "a result beyond a limit" in text
    for word in ("ada", "azathioprine", "blood", "wbc", "white"):
        assert not re.search(rf"\b{word}\b", text)


def test_repetitions_end_after_a_day() -> None:
    assert alarms.repeated_at(NIGHT, NIGHT) == NIGHT + 30 * MINUTE
    assert alarms.repeated_at(NIGHT, NIGHT + HOUR) == NIGHT + 2 * HOUR
    assert alarms.repeated_at(NIGHT, NIGHT + 24 * HOUR - MINUTE) == NIGHT + 25 * HOUR - MINUTE
    assert alarms.repeated_at(NIGHT, NIGHT + 24 * HOUR) is None
