"""Hand-overs over the API: offered by one clinic, answered by the other with a key of its own."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from db.tables import Course, UserRole
from service.api.hand_overs import OFFER
from tests.service.desk import Desk, place_of
from tests.service.operations import CANARY, HOUSE, OTHER, World
from tests.service.test_work_page import Browser
from tests.stories.conftest import Practice


@pytest.fixture
def desk(practice: Practice) -> Desk:
    found = Desk(World(practice))
    found.post(f"/hand-overs/{found.world.ids['hand_over_id']}/answer", {"answer": "withdrawn"})
    return found


def said(desk: Desk, place: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {desk.world.keys[place, UserRole.CLINICIAN]}"}
    method = "GET" if body is None else "POST"
    query = {"clinic": str(desk.world.other_clinic)} if place == HOUSE else None
    return desk.world.client.request(method, f"/v1{path}", json=body, headers=headers, params=query)


def test_an_offer_is_on_the_other_clinics_lists_and_accepted_with_its_own_key(desk: Desk) -> None:
    body = {"to_clinic": "Oak Street", "confirmed": True, "note": "stable for two years"}
    made = desk.post(f"/courses/{desk.course}/hand-overs", body)
    assert (made["state"], made["clinic"], made["to_clinic"]) == ("offered", "Elm Street", "Oak Street")
    [work] = said(desk, OTHER, "/work").json()["items"]
    assert work["work"]["kind"] == "hand-over-offered"
    [waits] = said(desk, OTHER, "/hand-overs").json()["items"]
    assert waits == made
    address, yes = f"/hand-overs/{made['id']}/answer", {"answer": "accepted"}
    assert said(desk, HOUSE, address, yes).status_code == 409
    assert "the other side's" in desk.refused(address, yes)
    taken = said(desk, OTHER, address, yes).json()
    assert (taken["state"], taken["answered_by"]) == ("accepted", "other clinician")
    course = said(desk, OTHER, f"/courses/{taken['made_course_id']}").json()
    assert (course["start"], course["enrolled"], course["ended_on"]) == ("2025-12-01", "2026-01-04", None)
    assert desk.plan()["ended_on"] == "2026-01-04"
    assert said(desk, OTHER, address, yes).status_code == 409
    assert desk.get("/hand-overs")["items"][0] == taken


def test_of_answers_at_once_one_counts_and_there_is_one_owner(desk: Desk) -> None:
    made = desk.post(f"/courses/{desk.course}/hand-overs", {"to_clinic": "Oak Street", "confirmed": True})
    address, yes = f"/hand-overs/{made['id']}/answer", {"answer": "accepted"}
    no = {"answer": "declined", "words": "no room"}
    acts = [
        lambda: said(desk, OTHER, address, yes),
        lambda: desk.ask("POST", address, {"answer": "withdrawn"}),
        lambda: said(desk, OTHER, address, no),
    ] * 2
    with ThreadPoolExecutor(6) as at_once:
        answers = list(at_once.map(lambda act: act().status_code, acts))
    assert answers.count(200) == 1, answers
    assert set(answers) <= {200, 404, 409}
    courses = [row for row in desk.practice.rows(Course) if row.ended_on is None]
    assert len(courses) == 1


def test_an_offer_names_one_receiver_one_at_a_time_and_says_so_while_work_is_open(desk: Desk) -> None:
    address = f"/courses/{desk.course}/hand-overs"
    for body, status in (
        ({"to_clinic": "Nowhere"}, 422),
        ({"to_clinic": "Elm Street"}, 422),
        ({"to_clinic": "Oak Street", "practice": "Mill Lane"}, 422),
        ({"practice": "Mill Lane", "person": "Dr Grace"}, 422),
        ({"to_clinic": "Oak Street", "confirmed": False}, 409),
    ):
        desk.refused(address, {"confirmed": True} | body, status)
    desk.post(address, {"to_clinic": "Oak Street", "confirmed": True})
    assert "offered already" in desk.refused(address, OFFER)
    [work] = said(desk, OTHER, "/work").json()["items"]
    refused = said(desk, OTHER, f"{place_of(work['work']['id'])}/outcome", {"outcome": "done"})
    assert (refused.status_code, "Answer the offer" in refused.text) == (409, True)


def test_an_offer_is_answered_in_a_browser_by_who_sees_whose_it_is(desk: Desk) -> None:
    browser = Browser(desk, OTHER)
    browser.clinic = desk.world.other_clinic
    for answer in ("declined", "accepted"):
        desk.post(f"/courses/{desk.course}/hand-overs", {"to_clinic": "Oak Street", "confirmed": True})
        assert CANARY in browser.client.get("/work").text
        [work] = said(desk, OTHER, "/work").json()["items"]
        path = place_of(work["work"]["id"])
        for form in ({"answer": "withdrawn"}, {"answer": "declined"}, {"answer": answer, "on": "soon"}):
            assert browser.act(path, "answer", **form).status_code == 409
        assert browser.act(path, "answer", answer=answer, words=" Her letter. ").status_code == 303
        assert desk.get("/hand-overs")["items"][0]["state"] == answer


def test_a_practices_answer_is_entered_in_a_browser_and_only_to_an_offer(desk: Desk) -> None:
    made = desk.post(f"/courses/{desk.course}/hand-overs", OFFER)
    browser = Browser(desk)
    [work] = [row for row in desk.practice.work if row.key == f"hand-over/{made['id']}/offered"]
    [other] = [row for row in desk.practice.work if row.key == "said-done"]
    yes = {"answer": "accepted", "by": "Dr Grace Example", "on": "2026-01-04", "words": "her letter"}
    assert browser.act(place_of(other.id), "answer", **yes).status_code == 409
    assert browser.act(place_of(work.id), "answer", **yes).status_code == 303
    shown = desk.get("/hand-overs")["items"][0]
    assert (shown["state"], shown["answered_by"]) == ("accepted", "Dr Grace Example")
