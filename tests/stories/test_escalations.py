"""H47, H48, H49: red work goes up the rota until a person takes it, and only a person in words ends it."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from db import staff, work_items
from db.engine import reading, writing
from db.tables import Channel, UserRole, WorkItem
from schedules import rota as hours
from schedules.rota import EVERY_DAY, RUNGS
from service.app import create_app
from service.channels import Accepted, Answer, Letter, Rejected
from service.errors import Problem
from service.flows import escalations, rota, users
from service.flows import work_items as work
from service.flows.rota import Duty
from service.flows.work_items import Outcome, Person
from tests.stories.conftest import Practice
from tests.stories.mailed import DESK, MANNER, Mailbox, mailed, put, red

NIGHT = datetime(2026, 1, 11, 7, tzinfo=UTC)  # Sunday, 02:00 at the clinic
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
KIM = Person("Kim Invented", True)


@pytest.fixture
def box(practice: Practice) -> Mailbox:
    practice.clock.wind(NIGHT)
    return mailed(practice)


def address(rung: str) -> str:
    return f"{rung}@elm.example"


def on_call(practice: Practice, *rungs: str, **columns: Any) -> None:
    plain = {"weekdays": EVERY_DAY, "begins": time(0), "ends": time(0), "channel": Channel.EMAIL} | columns
    duties = [Duty(**{"rung": r, "person": f"Kim {r}", "address": address(r)} | plain) for r in rungs]
    with writing(practice.engine) as session:
        version = rota.version(session, practice.clinic_id)
        given = {"version": version, "by": "a test", "now": practice.clock()}
        rota.put(session, practice.clinic_id, duties, **given)


def live(practice: Practice, until: datetime, *, step: timedelta = MINUTE) -> None:
    """The escalation's loop alone: nothing else is running."""
    while practice.clock() < until:
        escalations.tick(practice.engine, practice.clock, practice.channels, manner=MANNER)
        practice.clock.wind(min(practice.clock() + step, until))


def told(box: Mailbox, rung: str, since: datetime = NIGHT) -> list[int]:
    return [(at - since) // MINUTE for at in box.to(address(rung))]


def act(practice: Practice, effect: Any, who: Person = KIM, **said: Any) -> Any:
    [row] = [row for row in practice.work if row.kind == "limit"]
    with writing(practice.engine) as session:
        return effect(session, (row.clinic_id, row.id), who, now=practice.clock(), **said)


def test_H47_on_a_sunday_night_it_goes_up_the_rota_and_stays_loud(practice: Practice, box: Mailbox) -> None:
    on_call(practice, *RUNGS)
    red(practice)
    live(practice, NIGHT + 95 * MINUTE, step=5 * MINUTE)
    assert told(box, "first") == [0, 30, 60, 90]
    assert told(box, "second") == [10, 30, 60, 90]
    assert told(box, "third") == [20, 30, 60, 90]
    assert told(box, "line") == [30, 60, 90]
    letter = box.letters[0][1]
    assert letter.subject == "Elm Street: 1 same-day: please look now"
    assert "You are on call." in letter.body


@pytest.mark.parametrize("after", [5, 15, 25])
def test_H47_it_goes_no_higher_once_somebody_has_taken_it(
    practice: Practice, box: Mailbox, after: int
) -> None:
    on_call(practice, *RUNGS)
    red(practice)
    live(practice, NIGHT + after * MINUTE)
    act(practice, work.claim, take_over=False)
    live(practice, NIGHT + (after + 59) * MINUTE, step=5 * MINUTE)
    assert [len(told(box, rung)) for rung in RUNGS] == [1, int(after > 10), int(after > 20), 0]


def test_H47_an_acknowledgement_lapses_after_an_hour_and_the_ladder_starts_again(
    practice: Practice, box: Mailbox
) -> None:
    on_call(practice, *RUNGS)
    red(practice)
    live(practice, NIGHT + 5 * MINUTE)
    act(practice, work.claim, take_over=False)
    live(practice, NIGHT + 96 * MINUTE, step=5 * MINUTE)
    assert [told(box, rung) for rung in RUNGS] == [[0, 65, 95], [75, 95], [85, 95], [95]]
    other = Person("Ana Invented", True)
    [row] = [row for row in practice.work if row.kind == "limit"]
    with writing(practice.engine) as session:
        claimed = work.claim(session, (row.clinic_id, row.id), other, take_over=False, now=practice.clock())
    assert claimed.owner == "Ana Invented"


def test_H47_only_a_named_person_ends_it_in_words(practice: Practice, box: Mailbox) -> None:
    red(practice, patient_id=practice.patient())
    for who, text in ((Person("nobody signed in", False), "seen"), (KIM, None)):
        with pytest.raises(Problem):
            act(practice, work.finish, who=who, outcome=Outcome.DONE, text=text)
    act(practice, work.finish, outcome=Outcome.DONE, text="Called; she goes to the ward.")
    assert [row.state for row in practice.work] == ["done"]


def test_H47_neither_the_plan_nor_what_it_asked_for_ends_it(practice: Practice, box: Mailbox) -> None:
    red(practice, "need/limit", patient_id=practice.patient())
    [row] = practice.work
    with writing(practice.engine) as session:
        key = [(row.clinic_id, row.key)]
        assert work_items.finish(session, key, outcome=work_items.NO_LONGER_ASKED, now=NIGHT) == 0
    [row] = practice.work
    assert (row.state, row.note, row.outcome) == ("open", work_items.NO_LONGER_ASKED, None)


@pytest.mark.parametrize(
    ("missing", "minutes"),
    [
        ({"first"}, [[], [0, 20], [10, 20], [20]]),
        ({"second", "third"}, [[0, 10], [], [], [10]]),
        ({"first", "second", "third"}, [[], [], [], [0]]),
    ],
)
def test_H48_a_rung_without_a_reachable_person_is_passed_at_once(
    practice: Practice, box: Mailbox, missing: set[str], minutes: list[list[int]]
) -> None:
    on_call(practice, *(rung for rung in RUNGS if rung not in missing))
    red(practice)
    live(practice, NIGHT + 21 * MINUTE)
    assert [[at for at in told(box, rung) if at <= 20] for rung in RUNGS] == minutes


def test_H48_a_user_whose_key_was_revoked_is_passed_at_once(practice: Practice, box: Mailbox) -> None:
    with writing(practice.engine) as session:
        own = {"clinic_id": practice.clinic_id, "by": "a test", "now": NIGHT}
        users.add(session, "Kim first", UserRole.CLINICIAN, **own)
    on_call(practice, *RUNGS)
    with writing(practice.engine) as session:
        users.revoke(session, "Kim first", by="a test", now=NIGHT)
    red(practice)
    live(practice, NIGHT + MINUTE)
    assert (told(box, "first"), told(box, "second")) == ([], [0])


def test_H48_without_a_rota_everybody_who_is_mailed_alarms_hears_it_for_ever(
    practice: Practice, box: Mailbox
) -> None:
    put(practice, DESK)
    red(practice)
    live(practice, NIGHT + 2 * MINUTE)
    assert box.to(DESK) == [NIGHT]
    practice.clock.wind(NIGHT + 48 * HOUR)
    live(practice, NIGHT + 48 * HOUR + 31 * MINUTE)
    assert [at for at in box.to(DESK) if at > NIGHT + 47 * HOUR] == [
        NIGHT + 48 * HOUR, NIGHT + 48 * HOUR + 30 * MINUTE
    ]  # fmt: skip


def test_H48_a_single_alert_in_thirty_quiet_days_climbs_the_whole_ladder(
    practice: Practice, box: Mailbox
) -> None:
    on_call(practice, *RUNGS)
    live(practice, NIGHT + timedelta(days=30), step=12 * HOUR)
    assert box.letters == []
    red(practice)
    live(practice, NIGHT + timedelta(days=30, minutes=31), step=5 * MINUTE)
    assert [told(box, rung, NIGHT + timedelta(days=30))[0] for rung in RUNGS] == [0, 10, 20, 30]


def test_H48_an_address_that_takes_nothing_is_passed_and_tried_again(
    practice: Practice, box: Mailbox
) -> None:
    on_call(practice, *RUNGS)
    good = {address(rung) for rung in RUNGS} - {address("first")}

    def refuses(letter: Letter) -> Answer:
        return Accepted() if letter.address in good else Rejected("550", permanent=True, bad_address=True)

    box.answers = refuses
    red(practice)
    live(practice, NIGHT + 3 * MINUTE)
    assert (told(box, "first"), told(box, "second")) == ([], [1])
    good.add(address("first"))
    live(practice, NIGHT + 25 * MINUTE)
    assert told(box, "first") == [20]


def test_H48_a_person_is_told_by_text_where_the_rota_says_so(practice: Practice, box: Mailbox) -> None:
    practice.channels = dict(practice.channels) | {Channel.SMS: box}
    on_call(practice, "first", channel=Channel.SMS)
    red(practice)
    live(practice, NIGHT + MINUTE)
    assert told(box, "first") == [0]
    [text] = [row for row in practice.notices if row.state == "accepted" and row.staff_address_id]
    assert text.channel is Channel.SMS


def test_H49_one_red_among_five_thousand_is_first_and_told_within_thirty_seconds(
    practice: Practice, box: Mailbox
) -> None:
    on_call(practice, *RUNGS)
    red(practice, *map(str, range(5000)), level="routine")
    red(practice, "the one", level="emergency")
    live(practice, NIGHT + timedelta(seconds=30), step=timedelta(seconds=10))
    assert told(box, "first") == [0]
    [first, second, *_] = work.ranked(practice.engine, practice.clinic_id, now=practice.clock())
    assert (first.row.key, second.row.level) == ("the one", "routine")


@pytest.mark.parametrize("path", ["/", "/work"])
def test_H47_every_page_says_what_the_whole_rota_did_not_take(
    practice: Practice, box: Mailbox, path: str
) -> None:
    on_call(practice, *RUNGS)
    red(practice)
    client = TestClient(create_app(practice.engine, practice.clock), base_url="http://localhost")
    practice.clock.wind(NIGHT + 30 * MINUTE - timedelta.resolution)
    assert "taken by nobody" not in client.get(path).text
    practice.clock.wind(NIGHT + 30 * MINUTE)
    assert "1 for today or an emergency, taken by nobody since" in client.get(path).text
    act(practice, work.claim, take_over=False)
    assert "taken by nobody" not in client.get(path).text


def test_the_hour_of_a_claim_is_the_same_for_the_list_and_the_rota(practice: Practice, box: Mailbox) -> None:
    red(practice)
    act(practice, work.claim, take_over=False)
    for after, lapsed in ((hours.CLAIMED - timedelta.resolution, False), (hours.CLAIMED, True)):
        now = NIGHT + after
        with reading(practice.engine) as session:
            assert bool(work_items.red(session, now=now)) is lapsed
            assert bool(staff.of_clinics(session)) is False
        [one] = work.ranked(practice.engine, practice.clinic_id, now=now)
        assert any("the rota is told again" in reason for reason in one.reasons) is lapsed
    assert practice.rows(WorkItem)[0].claimed_at == NIGHT
