"""The work list on which a coordinator works in a browser, without script and from our own pages alone."""

from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from db.tables import AuditEntry, UserRole
from service.app import create_app
from service.flows.work_outcomes import NEXT, Outcome
from tests.service.desk import Desk
from tests.service.operations import OTHER, OWN, World
from tests.service.test_api_work import raised
from tests.stories.conftest import Practice

ACTS = "/".join(["", "work", "acts"])


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


class Browser:
    def __init__(self, desk: Desk, place: str = OWN) -> None:
        app = create_app(desk.practice.engine, desk.practice.clock)
        self.client = TestClient(app, base_url="http://localhost", follow_redirects=False)
        key = desk.world.keys[place, UserRole.COORDINATOR]
        self.clinic = desk.practice.clinic_id
        self.here = {"Origin": "http://localhost"}
        assert self.client.post("/sign-in", data={"key": key}, headers=self.here).status_code == 303

    def act(self, work: str, act: str, origin: str = "http://localhost", **form: Any) -> Any:
        path = f"/work-items/{self.clinic}/{work.rpartition('/')[2]}/{act}"
        return self.client.post(path, data=form, headers={"Origin": origin})


def state(desk: Desk, key: str = "routine") -> tuple[str, str | None]:
    [row] = [row for row in desk.practice.work if row.key == key]
    return row.state.value, row.outcome


def test_the_list_is_worked_on_in_a_browser(desk: Desk) -> None:
    work, browser = raised(desk), Browser(desk)
    assert f"/work-items/{browser.clinic}" in browser.client.get("/work").text
    for act, form, wanted in (
        ("claim", {}, ("claimed", None)),
        ("snooze", {"until": "2026-01-06"}, ("snoozed", None)),
        ("outcome", {"outcome": "no-answer", "again_on": "2026-01-08"}, ("snoozed", None)),
        ("outcome", {"outcome": "reached", "text": " Comes on Tuesday. "}, ("done", "reached")),
    ):
        assert browser.act(work, act, **form).status_code == 303
        assert state(desk) == wanted
    entries = [row for row in desk.practice.rows(AuditEntry) if row.subject == "work_item"]
    assert {row.actor for row in entries} == {"own coordinator"}


@pytest.mark.parametrize(
    ("act", "form", "why"),
    [
        ("outcome", {"outcome": "reached"}, "text is missing: say in words"),
        ("outcome", {"outcome": "cured", "text": "x"}, "The form cannot be read"),
        ("outcome", {}, "The form cannot be read"),
        ("snooze", {"until": "2026-01-06"}, "cannot be put off"),
        ("snooze", {"until": "soon"}, "The form cannot be read"),
        ("burn", {}, "The form cannot be read"),
    ],
)
def test_H47_what_is_refused_says_why_and_changes_nothing(
    desk: Desk, act: str, form: dict[str, str], why: str
) -> None:
    answer = Browser(desk).act(raised(desk, "emergency"), act, **form)
    assert (answer.status_code, why in answer.text) == (409, True)
    assert state(desk, "emergency") == ("open", None)


def test_another_sites_form_and_another_clinics_key_do_nothing(desk: Desk) -> None:
    work = raised(desk)
    assert Browser(desk).act(work, "claim", origin="https://evil.example").status_code == 403
    assert Browser(desk, OTHER).act(work, "claim").status_code == 404
    assert state(desk) == ("open", None)


def test_a_try_without_an_answer_comes_back_and_leaves_red_where_it_is(desk: Desk) -> None:
    found = desk.post(f"{raised(desk)}/outcome", {"outcome": "voicemail", "text": "Her sister's."})
    assert (found["state"], found["snoozed_until"]) == ("snoozed", "2026-01-05T14:00:00Z")
    assert found["note"].endswith("Her sister's.")
    found = desk.post(f"{raised(desk, 'same-day')}/outcome", {"outcome": "no-answer", "text": "Rang twice."})
    assert (found["state"], found["outcome"]) == ("open", None)


@pytest.mark.parametrize("outcome", list(NEXT))
def test_each_reason_asks_a_person_what_comes_next(desk: Desk, outcome: Outcome) -> None:
    desk.post(f"{raised(desk)}/outcome", {"outcome": outcome.value})
    [asked] = [row for row in desk.practice.work if row.kind == outcome.value]
    said = NEXT[outcome]
    assert (asked.level, asked.role, asked.about, asked.state) == (said.level, said.role, said.asks, "open")
    assert desk.plan()["status"] != "ended"


def test_many_are_looked_at_before_they_are_done_and_red_never_is(desk: Desk) -> None:
    ids = [raised(desk, key=f"one/{n}").rpartition("/")[2] for n in range(3)]
    red = raised(desk, "same-day").rpartition("/")[2]
    wish = {"ids": [*ids, red, "01a0d6b8-7a8c-7b7e-9d7a-3f6a1c2b4d61"], "act": "assign"}
    wish |= {"to": "own clinician"}
    seen = desk.post(ACTS, wish, query={"dry_run": True})
    assert {row.owner for row in desk.practice.work} == {None}
    done = desk.post(ACTS, wish)
    assert done == seen
    assert (done["count"], [one["why"] is None for one in done["items"]]) == (3, [True] * 3 + [False] * 2)
    assert "one by one" in done["items"][3]["why"]
    assert {row.owner for row in desk.practice.work if str(row.id) in ids} == {"own clinician"}
    refused = desk.post(ACTS, {"ids": ids, "act": "outcome", "outcome": "reached"})
    assert (refused["count"], refused["items"][0]["why"]) == (0, "own clinician has it: claim it first.")
    other = Desk(desk.world, UserRole.CLINICIAN)
    assert other.post(ACTS, {"ids": ids, "act": "claim"})["count"] == 3
    assert other.post(ACTS, {"ids": ids, "act": "snooze", "until": "2026-01-06"})["count"] == 3


@pytest.mark.parametrize(
    "wish",
    [{"act": "assign"}, {"act": "assign", "to": "own reporter"}, {"act": "snooze"}, {"act": "outcome"}],
)
def test_what_cannot_be_done_to_any_is_refused(desk: Desk, wish: dict[str, str]) -> None:
    desk.refused(ACTS, wish | {"ids": [raised(desk).rpartition("/")[2]]}, 422)
    assert state(desk) == ("open", None)
    assert desk.practice.clock() == datetime(2026, 1, 5, tzinfo=UTC)
