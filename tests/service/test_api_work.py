"""The work list: ranked with reasons, taken by one person, put off, and finished with what came of it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from db import reminders, work_items
from db.engine import writing
from db.tables import AuditEntry, UserRole
from schedules import library
from service.app import create_app
from service.deps import SignIn
from tests.service.desk import Desk, place_of
from tests.service.operations import World
from tests.stories.conftest import Practice


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def raised(desk: Desk, level: str = "routine", **columns: Any) -> str:
    """Its path."""
    now = desk.practice.clock()
    row = {"clinic_id": desk.practice.clinic_id, "patient_id": desk.patient, "kind": "problem-told"}
    row |= {"role": "coordinator", "key": level, "level": level, "due_by": now + timedelta(hours=4)}
    with writing(desk.practice.engine) as session:
        work_items.raise_(session, [row | columns], now=now)
    [found] = [work for work in desk.practice.work if work.key == (columns.get("key") or level)]
    return place_of(found.id)


def listed(desk: Desk, **query: Any) -> list[Any]:
    return list(desk.get("/work", **query)["items"])


def test_what_is_most_urgent_is_first_with_its_reasons(desk: Desk) -> None:
    for level in ("24h", "emergency", "same-day"):
        raised(desk, level)
    desk.practice.run_until(datetime(2026, 1, 7, tzinfo=UTC))
    found = listed(desk)
    assert [one["work"]["level"] for one in found][:3] == ["emergency", "same-day", "24h"]
    assert found[0]["reasons"] == [
        "Its level is emergency.",
        "Its deadline was 2026-01-05 04:00 UTC.",
        "The blood test was due on 2025-12-08, 29 days ago: 4 whole intervals without one; "
        "monitoring lapsed on 2025-12-15.",
        "The medicine is being started: the phase of close tests is not over.",
        "On azathioprine since 2025-12-01.",
        "No counts are known.",
    ]
    about_the_test = next(one for one in found if one["work"]["item_id"])
    assert any("The blood test was due on" in reason for reason in about_the_test["reasons"])
    assert {one["work"]["role"] for one in listed(desk, role="prescriber")} == {"prescriber"}
    assert len(listed(desk, limit=1)) == 1


def test_work_about_a_patient_says_what_is_known_of_the_course_it_is_about(desk: Desk) -> None:
    """In as many questions to the database for one as for many."""
    practice, asked = desk.practice, list[str]()
    practice.draw(desk.patient, date(2026, 1, 2), {"wbc", "plt"}, wbc=3.1, plt=250)
    mine = practice.course(desk.patient, library.protocol("mercaptopurine-sps"), date(2025, 12, 30))
    raised(desk, course_id=mine)

    def first() -> tuple[list[str], int]:
        asked.clear()
        found = next(one for one in listed(desk) if one["work"]["course_id"] == str(mine))
        return found["reasons"], len(asked)

    event.listen(practice.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    said, questions = [first(), first()][-1]  # with what a process remembers
    assert "On mercaptopurine since 2025-12-30." in said
    assert "Last counts, of 2026-01-02: platelets 250 10*9/L; white cells 3.1 10*9/L." in said
    for number in range(5):
        who = practice.patient()
        practice.course(who, library.protocol("azathioprine-us-label"), date(2025, 12, 1))
        raised(desk, patient_id=who, key=f"more/{number}")
    assert first() == (said, questions)


def test_of_many_who_claim_at_once_one_has_it(desk: Desk) -> None:
    work, roles = raised(desk), (UserRole.COORDINATOR, UserRole.CLINICIAN, UserRole.ADMIN)
    desks = [Desk(desk.world, role) for role in roles] * 3
    with ThreadPoolExecutor(9) as at_once:
        answers = list(at_once.map(lambda one: one.ask("POST", f"{work}/claim"), desks))
    owners = {answer.json()["owner"] for answer in answers if answer.status_code == 200}
    assert len(owners) == 1
    assert sorted(answer.status_code for answer in answers) == [200] * 3 + [409] * 6
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["detail"] == f"{owners.pop()} has it: take it over if that is agreed."


def test_anothers_is_taken_over_before_it_is_finished(desk: Desk) -> None:
    work, other = raised(desk), Desk(desk.world, UserRole.CLINICIAN)
    other.post(f"{work}/claim", None)
    assert "own clinician has it" in desk.refused(f"{work}/outcome", {"outcome": "reached"})
    assert "own clinician has it" in desk.refused(f"{work}/snooze", {"until": "2026-01-06"})
    assert desk.post(f"{work}/claim", None, query={"take_over": True})["owner"] == "own coordinator"
    found = desk.post(f"{work}/outcome", {"outcome": "reached"})
    assert (found["state"], found["outcome"], found["owner"]) == ("done", "reached", "own coordinator")
    for act, body in (("claim", None), ("outcome", {"outcome": "done"}), ("snooze", {"until": "2026-01-06"})):
        assert desk.refused(f"{work}/{act}", body) == "It is finished already."
    actions = [row.action for row in desk.practice.rows(AuditEntry) if row.subject == "work_item"]
    assert actions == ["claim work", "claim work", "finish work"]


def test_what_is_put_off_comes_back_in_the_morning_of_its_day(desk: Desk) -> None:
    work = raised(desk)
    found = desk.post(f"{work}/snooze", {"until": "2026-01-06"})
    assert found["snoozed_until"] == "2026-01-06T14:00:00Z"
    kinds = [one["work"]["kind"] for one in listed(desk)]
    assert "problem-told" not in kinds
    assert "problem-told" in [one["work"]["kind"] for one in listed(desk, snoozed=True)]
    desk.practice.clock.wind(datetime(2026, 1, 6, 14, tzinfo=UTC))
    assert "problem-told" in [one["work"]["kind"] for one in listed(desk)]
    for until in ("2026-01-06", "2026-03-01"):
        assert "at most 28 days on" in desk.refused(f"{work}/snooze", {"until": until}, 422)


@pytest.mark.parametrize("level", ["same-day", "emergency"])
def test_H47_what_is_red_is_never_put_off_and_finished_in_words(desk: Desk, level: str) -> None:
    work = raised(desk, level)
    assert "cannot be put off" in desk.refused(f"{work}/snooze", {"until": "2026-01-06"})
    assert "say in words" in desk.refused(f"{work}/outcome", {"outcome": "reached"}, 422)
    assert desk.post(f"{work}/outcome", {"outcome": "reached", "text": "Sent to A&E."})["state"] == "done"


def test_H47_nobody_in_particular_finishes_nothing_red(desk: Desk) -> None:
    app = create_app(desk.practice.engine, desk.practice.clock, sign_in=SignIn.NEVER)
    client = TestClient(app, base_url="http://localhost")
    path = f"/v1{raised(desk, 'emergency')}/outcome?clinic={desk.practice.clinic_id}"
    answer = client.post(path, json={"outcome": "reached", "text": "x"})
    assert (answer.status_code, "by a named person" in answer.text) == (409, True)
    assert [row.state.value for row in desk.practice.work if row.level == "emergency"] == ["open"]


def test_a_patients_own_stop_is_the_prescribers_today_and_stops_nothing(desk: Desk) -> None:
    found = desk.post(f"{raised(desk)}/outcome", {"outcome": "self-stopped"})
    assert found["outcome"] == "self-stopped"
    [asked] = [work for work in desk.practice.work if work.kind == "self-stopped"]
    assert (asked.level, asked.role, asked.state) == ("same-day", "prescriber", "open")
    assert desk.plan()["status"] != "ended"


def test_H43_who_died_gets_nothing_more_from_that_moment(desk: Desk) -> None:
    desk.post(f"{raised(desk)}/outcome", {"outcome": "died"})
    assert {item["class"] for item in desk.plan()["items"]} == {"ended"}
    assert not [row for row in desk.practice.reminders if row.decided_at is None]


def test_an_item_that_nothing_else_watches_keeps_its_work(desk: Desk) -> None:
    """An appointment's ladder ends: without its outcome nobody would ask again."""
    item = desk.open_item()
    work = raised(desk, item_id=UUID(item["id"]), key="the last")
    with writing(desk.practice.engine) as session:
        key = (desk.practice.clinic_id, desk.practice.items[-1].id)
        reminders.withdraw(session, [key], reason="a test", now=desk.practice.clock())
    assert "Nothing else would watch" in desk.refused(f"{work}/outcome", {"outcome": "reached"})
    assert desk.post(f"{work}/claim", None)["state"] == "claimed"
