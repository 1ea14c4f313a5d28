"""What is said to a patient, listed; and why, by the function that decides."""

from datetime import UTC, datetime
from typing import Any

import pytest

from schedules import guard
from tests.service.desk import Desk
from tests.service.operations import World
from tests.stories.conftest import Practice


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return Desk(World(practice))


def explain(desk: Desk, **wanted: str) -> Any:
    """Of the only reminder to the patient that is so."""
    listed = desk.get(f"/patients/{desk.patient}/reminders")["items"]
    mine = [one for one in listed if one["track"] == "patient"]
    [found] = [one for one in mine if all(one[name] == value for name, value in wanted.items())]
    return desk.get(f"/reminders/{found['id']}/explain")


def test_a_waiting_reminder_is_explained_by_the_rules_that_will_decide(desk: Desk) -> None:
    desk.practice.run_until(datetime(2026, 1, 6, tzinfo=UTC))
    found = explain(desk, state="waiting")
    assert (found["verdict"], found["reason"]) == ("send", "sent")
    assert found["looked_at"] == [rule for rule, _ in guard.RULES]
    assert found["decided_for"] == found["reminder"]["send_at"]
    assert found["next"]["send_at"] > found["reminder"]["send_at"]


def test_why_she_will_not_get_it(desk: Desk) -> None:
    desk.practice.run_until(datetime(2026, 1, 6, tzinfo=UTC))
    taken_back = {"given": False, "at": "2026-01-05T20:00:00Z", "source": "telephone"}
    desk.post(f"/contacts/{desk.world.ids['contact_id']}/consent", taken_back)
    found = explain(desk, state="waiting")
    assert (found["verdict"], found["reason"]) == ("suppress", "no reachable contact with consent")
    assert found["looked_at"][-1] == "reachable with consent"
    desk.event("hold", "2026-01-05", reason="planned", review_on="2026-01-19")
    found = explain(desk, state="waiting")
    assert (found["verdict"], found["reason"], found["again_at"]) == ("wait", "on hold", None)


def test_what_was_decided_says_how_and_what_waits_next(desk: Desk) -> None:
    desk.practice.run_until(datetime(2026, 1, 6, tzinfo=UTC))
    sent = explain(desk, state="sent")
    assert (sent["verdict"], sent["looked_at"], sent["decided_for"]) == (None, [], None)
    assert sent["next"]["send_at"] == explain(desk, state="waiting")["reminder"]["send_at"]
    said = desk.get(f"/patients/{desk.patient}/messages")["items"]
    [message] = [one for one in said if one["id"] == sent["reminder"]["message_id"]]
    assert message["state"] == "accepted"
    assert "Elm Street" in message["body"]


@pytest.mark.parametrize("what", ["reminders", "messages", "results"])
def test_paging_gives_each_once_the_last_made_first(desk: Desk, what: str) -> None:
    draw = {"collected_on": "2026-01-03", "values": [{"analyte": "wbc", "value": "6.1", "unit": "10*9/L"}]}
    draw["values"].append({"analyte": "plt", "value": "210", "unit": "10*9/L"})
    desk.post(f"/patients/{desk.patient}/results", draw)
    path = f"/patients/{desk.patient}/{what}"
    whole = desk.get(path)
    assert whole["next"] is None
    assert len(whole["items"]) >= 2
    assert [one["id"] for one in whole["items"]] == sorted(
        (one["id"] for one in whole["items"]), reverse=True
    )
    paged, more = [], {}
    while more is not None:
        page = desk.get(path, limit=1, **more)
        paged += page["items"]
        more = page["next"] and {"cursor": page["next"]}
    assert paged == whole["items"]
    assert desk.ask("GET", path, query={"cursor": "none of ours"}).status_code == 422
