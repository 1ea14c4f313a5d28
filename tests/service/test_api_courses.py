"""Courses over the API: enrolled and planned at once, events entered, tried out first, and taken back."""

from typing import Any

import pytest

from db.tables import AuditEntry, Course, CourseEvent, Item, Reminder, StoredAnswer, UserRole
from service.api.events import EVENT_EXAMPLE
from tests.service.desk import Desk
from tests.service.operations import World, count
from tests.stories.conftest import Practice

NEW = {"protocol": "azathioprine-bsr-2017", "start": "2026-01-02", "dose": "100 mg daily"}
HOLD = {"type": "hold", "on": "2026-01-04", "reason": "planned", "review_on": "2026-01-18"}
WRITTEN = (Course, CourseEvent, Item, Reminder, StoredAnswer, AuditEntry)


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def enrol(desk: Desk, **changes: Any) -> Any:
    return desk.post(f"/patients/{desk.patient}/courses", NEW | changes)


def test_a_patient_is_enrolled_and_planned_at_once_with_a_why_for_every_date(desk: Desk) -> None:
    answer = desk.ask("POST", f"/patients/{desk.patient}/courses", NEW)
    made = answer.json()
    assert (answer.status_code, answer.headers["location"]) == (201, f"/v1/courses/{made['id']}")
    assert (made["medicine"], made["dose"], made["status"]) == ("azathioprine", "100 mg daily", "in-date")
    [item] = made["items"]
    assert (item["due_on"], item["state"], item["class"]) == ("2026-01-16", "upcoming", None)
    assert "P2W" in item["why"]
    assert "azathioprine-bsr-2017" in item["why"]
    assert desk.plan(made["id"]) == made
    assert [row.item_id for row in desk.practice.reminders if str(row.item_id) == item["id"]]


def test_a_course_is_enrolled_once(desk: Desk) -> None:
    path = f"/patients/{desk.patient}/courses"
    first, again = (desk.ask("POST", path, NEW, key="k") for _ in range(2))
    assert first.content == again.content
    assert desk.refused(path, NEW) == "The patient has this course already."
    assert "another course under this protocol" in desk.refused(path, NEW | {"start": "2026-01-03"})
    assert count(desk.practice.engine, Course) == 2


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"protocol": "nothing-like-it"}, 422, "body.protocol there is no such protocol"),
        ({"protocol": "Not An Id"}, 422, "body.protocol"),
        ({"start": "1990-01-01"}, 409, "The protocol's limits are adult"),
        ({"flags": ["brave"]}, 422, "body.flags there is no such flag"),
    ],
)
def test_a_course_that_cannot_be_is_refused(
    desk: Desk, changes: dict[str, Any], status: int, said: str
) -> None:
    before = count(desk.practice.engine, *WRITTEN)
    assert said in desk.refused(f"/patients/{desk.patient}/courses", NEW | changes, status)
    assert count(desk.practice.engine, *WRITTEN) == before


def test_an_event_moves_the_dates_and_says_which(desk: Desk) -> None:
    course = enrol(desk)["id"]
    found = desk.event("dose-increase", "2026-01-04", course=course, dose="150 mg daily")
    assert found["difference"]["dates"] == []  # a step-up of the same interval, two days later: no earlier
    found = desk.event(
        "override", "2026-01-04", course=course, due_on="2026-01-09", review_on="2026-02-01",
        reason="travel", decided_by="Dr Grace Example",
    )  # fmt: skip
    [moved] = found["difference"]["dates"]
    assert (moved["was_due_on"], moved["due_on"]) == ("2026-01-16", "2026-01-09")
    assert moved["why"].startswith("set by an override on 2026-01-04")
    assert {one["audience"] for one in found["difference"]["messages"]} >= {"patient", "coordinator"}
    assert "2026-01-16" in str(found["difference"]["visits_gone"])
    assert found["difference"]["visits_new"]
    assert [event["type"] for event in desk.plan(course)["events"]] == ["dose-increase", "override"]


def test_H39_a_dry_run_tells_the_difference_that_the_entry_then_makes_and_writes_nothing(desk: Desk) -> None:
    path = f"/courses/{desk.course}/events"
    before = count(desk.practice.engine, *WRITTEN)
    said = desk.ask("POST", path, HOLD, query={"dry_run": True})
    assert said.status_code == 200
    assert count(desk.practice.engine, *WRITTEN) == before
    assert desk.plan()["status"] != "held"
    made = desk.ask("POST", path, HOLD)
    assert made.status_code == 201
    assert made.json()["difference"] == said.json()["difference"]
    assert [one["held"] for one in made.json()["difference"]["dates"]] == [True]
    assert desk.plan()["status"] == "held"


def test_a_dry_run_of_an_enrolment_writes_nothing(desk: Desk) -> None:
    before = count(desk.practice.engine, *WRITTEN)
    said = desk.ask("POST", f"/patients/{desk.patient}/courses", NEW, query={"dry_run": True})
    assert (said.status_code, len(said.json()["items"])) == (200, 1)
    assert count(desk.practice.engine, *WRITTEN) == before


@pytest.mark.parametrize(
    ("said", "status", "why"),
    [
        ({"type": "resume"}, 409, "There is no hold to resume from: enter the hold first."),
        ({"on": "2025-11-01"}, 409, "It is before the start of the course, 2025-12-01."),
        ({"on": "2026-01-06"}, 422, "body.on is still to come"),
        ({"reason": None}, 422, "body.reason is missing"),
        ({"review_on": None}, 422, "body.review_on is missing"),
        ({"review_on": "2026-03-01"}, 409, "Review_on is at most 28 days after the hold begins"),
        ({"type": "stop"}, 422, "body.decided_by is missing: name who decided"),
        ({"type": "died"}, 422, "this happens to the patient"),
        ({"type": "attended", "clock": "full-blood-count"}, 409, "no such clock"),
        ({"type": "dose-decrease", "on": "2025-12-20"}, 409, "is entered already"),
        ({"type": "override", "every": "P0D"}, 422, "body.every the duration is nothing"),
    ],
)
def test_an_event_that_cannot_be_is_refused_in_a_sentence_and_writes_nothing(
    desk: Desk, said: dict[str, Any], status: int, why: str
) -> None:
    before = count(desk.practice.engine, *WRITTEN)
    assert why in desk.refused(f"/courses/{desk.course}/events", HOLD | said, status)
    assert count(desk.practice.engine, *WRITTEN) == before


def test_after_a_stop_only_an_end_can_come(desk: Desk) -> None:
    desk.event("stop", "2026-01-03", reason="remission", decided_by="Dr Grace Example")
    assert "was stopped on 2026-01-03" in desk.refused(f"/courses/{desk.course}/events", HOLD)
    assert desk.plan()["status"] == "ended"


def test_H39_a_mistake_is_taken_back_and_the_plan_is_as_it_was(desk: Desk) -> None:
    before = desk.plan()
    hold = desk.post(f"/courses/{desk.course}/events", HOLD | {"on": "2026-01-03"})["id"]
    desk.event("resume", "2026-01-04")
    path = f"/patients/{desk.patient}/entered-in-error"
    mistake = {"entry": "event", "id": hold, "reason": "another patient's"}
    assert desk.refused(path, mistake).startswith("There is no hold to resume from")
    [resume] = [one["id"] for one in desk.plan()["events"] if one["type"] == "resume"]
    desk.post(path, mistake | {"id": resume})
    tried = desk.post(path, mistake, query={"dry_run": True})
    assert desk.plan()["status"] == "held"
    assert desk.post(path, mistake) == tried
    assert [one["held"] for one in tried["dates"]] == [False]
    after = desk.plan()
    assert [after[name] for name in ("status", "items")] == [before[name] for name in ("status", "items")]
    assert [one["entered_in_error_at"] is not None for one in after["events"]] == [False, True, True]
    assert desk.refused(path, mistake) == "It is marked as entered in error already."
    entries = [row for row in desk.practice.rows(AuditEntry) if row.action == "entered in error"]
    assert entries[-1].detail == {"entry": "event", "id": hold, "reason": "another patient's"}


def test_a_course_entered_in_error_asks_nothing_of_anybody(desk: Desk) -> None:
    made = enrol(desk)["id"]
    path = f"/patients/{desk.patient}/entered-in-error"
    desk.post(path, {"entry": "course", "id": made, "reason": "never begun", "confirmed": True})
    assert desk.ask("GET", f"/courses/{made}").status_code == 404
    rows = [row for row in desk.practice.items if str(row.course_id) == made]
    assert {row.class_ for row in rows} == {"withdrawn"}
    assert desk.ask("POST", path, {"entry": "event", "id": EVENT_EXAMPLE, "reason": "x"}).status_code == 200


def test_H42_H43_an_end_ends_everything_and_can_be_taken_back(desk: Desk) -> None:
    before = desk.plan()["items"]
    path = f"/patients/{desk.patient}/end"
    died = {"on": "2026-01-04", "reason": "died", "confirmed": True}
    assert desk.refused(path, died, 412, version=7)
    assert "still to come" in desk.refused(path, died | {"on": "2026-02-01"}, 422, version=1)
    tried = desk.post(path, died, version=1, query={"dry_run": True})
    assert desk.plan()["items"] == before
    assert desk.post(path, died, version=1) == tried
    assert {one["class"] for one in tried["dates"]} == {"ended"}
    assert all(one["send_at"] is None for one in tried["messages"])
    assert "is entered already" in desk.refused(path, died | {"reason": "left"}, version=2)
    assert desk.refused(f"/courses/{desk.course}/events", HOLD)
    desk.post(f"/patients/{desk.patient}/entered-in-error", {"entry": "end", "reason": "a namesake"})
    assert [item["due_on"] for item in desk.plan()["items"] if item["class"] is None] == [
        item["due_on"] for item in before if item["class"] is None
    ]


def test_the_whole_patient_is_on_one_page_and_that_it_was_read_is_kept(desk: Desk) -> None:
    enrol(desk)
    found = Desk(desk.world, UserRole.CLINICIAN).get(f"/patients/{desk.patient}/whole")
    assert {course["medicine"] for course in found["courses"]} == {"azathioprine"}
    assert {course["status"] for course in found["courses"]} == {"in-date", "lapsed"}
    assert found["visits"][0]["components"]
    assert found["today"] == "2026-01-04"
    [entry] = [row for row in desk.practice.rows(AuditEntry) if row.action == "read patient"]
    assert (entry.actor, entry.subject_id) == ("own clinician", str(desk.patient))
