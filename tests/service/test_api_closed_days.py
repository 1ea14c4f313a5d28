"""Closed days: set whole, nothing is booked on one, and who is booked on one is a person's at once."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from service import cli
from service.flows import closed_days, upkeep
from tests.service.desk import Desk, with_a_visit
from tests.service.operations import World
from tests.service.test_calendars import events
from tests.stories.conftest import Practice
from tests.stories.test_said import a_protocol

WHOLE = {"weekdays": [7, 6, 7], "dates": [{"on": "2026-03-09", "name": "Founders' Day"}]}


@pytest.fixture
def desk(practice: Practice) -> Desk:
    return with_a_visit(practice)


def put(desk: Desk, body: Any = WHOLE, version: int = 0) -> Any:
    answer = desk.ask("PUT", "/closed-days", body, version=version)
    assert answer.status_code == 200, answer.text
    return answer.json()


def path(desk: Desk) -> str:
    return f"/items/{desk.open_item()['id']}/appointment"


def work(desk: Desk) -> list[tuple[str, str, str | None]]:
    rows = [row for row in desk.practice.work if row.kind == closed_days.KIND]
    return [(row.state.value, row.level, row.outcome or row.about) for row in rows]


def test_they_are_set_whole_and_read_with_their_version(desk: Desk) -> None:
    none = desk.get("/closed-days")
    assert (none["version"], none["weekdays"], none["dates"]) == (0, [], [])
    found = put(desk)
    assert (found["version"], found["weekdays"], found["set_by"]) == (1, [6, 7], "own coordinator")
    assert found["dates"] == WHOLE["dates"]
    assert desk.get("/closed-days") == found
    assert put(desk, {}, version=1)["dates"] == []
    stale = desk.ask("PUT", "/closed-days", WHOLE, version=1)
    assert stale.status_code == 412


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"weekdays": [1, 2, 3, 4, 5, 6, 7]}, "no day of the week is left"),
        ({"weekdays": [0]}, "greater than or equal to 1"),
        ({"dates": [WHOLE["dates"][0]] * 2}, "a date stands in it twice"),
        ({"dates": [{"on": "2026-02-30", "name": "x"}]}, "valid date"),
        ({"dates": [{"on": "2026-03-09", "name": ""}]}, "at least 1 character"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(desk: Desk, body: Any, why: str) -> None:
    answer = desk.ask("PUT", "/closed-days", body, version=0)
    assert (answer.status_code, why in answer.text) == (422, True), answer.text
    assert desk.get("/closed-days")["version"] == 0


def test_nothing_is_booked_on_a_closed_day_and_the_next_open_one_is_named(desk: Desk) -> None:
    put(desk)
    refused = desk.refused(path(desk), {"act": "book", "at": "2026-03-07T10:00"}, 422)
    assert "closed on that day: the next open one is 2026-03-10" in refused  # a weekend, then a holiday
    desk.post(path(desk), {"act": "book", "at": "2026-03-10T10:00"})
    assert "2026-03-10" in desk.refused(path(desk), {"act": "move", "at": "2026-03-09T10:00"}, 422)
    booked = {"type": "booked", "on": "2026-01-04", "at": "2026-03-07T10:00"}
    assert "2026-03-10" in desk.refused(f"/courses/{desk.course}/events", booked, 422)
    assert desk.open_item()["appointment"] == "2026-03-10T10:00:00"


def test_a_visit_on_a_day_that_is_closed_now_is_work_until_it_is_moved(desk: Desk) -> None:
    desk.post(path(desk), {"act": "book", "at": "2026-03-09T14:30"})
    put(desk)
    about = "booked for 2026-03-09, when the clinic is closed: the next open day is 2026-03-10"
    assert work(desk) == [("open", "routine", about)]
    put(desk, WHOLE, version=1)
    assert work(desk) == [("open", "routine", about)]
    assert [row.raised for row in desk.practice.work if row.kind == closed_days.KIND] == [1], "it is no news"
    desk.practice.clock.wind(desk.practice.clock() + timedelta(minutes=1))
    desk.post(path(desk), {"act": "move", "at": "2026-03-10T14:30"})
    assert work(desk) == [("done", "routine", "nothing is booked on a closed day")]


def test_a_visit_within_a_week_is_to_be_moved_within_a_day(desk: Desk) -> None:
    desk.post(path(desk), {"act": "book", "at": "2026-03-09T14:30"})
    desk.practice.clock.wind(datetime(2026, 3, 3, 12, tzinfo=UTC))
    put(desk)
    assert [(state, level) for state, level, _ in work(desk)] == [("open", "24h")]


def test_when_the_clinic_is_open_after_all_nobody_need_move_it(desk: Desk) -> None:
    desk.post(path(desk), {"act": "book", "at": "2026-03-09T14:30"})
    put(desk)
    put(desk, {"weekdays": [6, 7]}, version=1)
    assert [(state, why) for state, _, why in work(desk)] == [("done", "nothing is booked on a closed day")]


def test_they_are_shown_on_the_command_line(desk: Desk) -> None:
    url = desk.practice.engine.url.render_as_string(hide_password=False)
    asked = ["closed-days", "show", "--clinic", "Elm Street", "--database", url]
    said = CliRunner().invoke(cli.app, asked)
    assert (said.exit_code, "never closed" in said.output) == (0, True), said.output
    put(desk)
    shown = CliRunner().invoke(cli.app, asked).output
    assert "Elm Street: every Sat" in shown
    assert "Elm Street: 2026-03-09: Founders' Day" in shown


# ---- what is told, and when


@pytest.fixture
def told(practice: Practice) -> Desk:
    """A patient whose count is due on Monday 2 February 2026."""
    found = Desk(World(practice))
    found.patient = practice.patient()
    practice.contact(found.patient)
    monthly = a_protocol(kind="test", panel=["cbc"], phases=[{"every": "P4W"}])
    found.course = practice.course(found.patient, monthly, date(2026, 1, 5))
    return found


def waits(desk: Desk) -> dict[str, date]:
    mine = [row for row in desk.practice.reminders if row.patient_id == desk.patient and not row.decided_at]
    return {row.rung: row.day for row in mine if row.track.value == "patient"}


def wait_for_the_day_before(desk: Desk) -> None:
    """The week before has been told; the next reminder is planned for Sunday 1 February."""
    desk.practice.run_until(datetime(2026, 1, 27, tzinfo=UTC))
    assert waits(desk) == {"day-before": date(2026, 2, 1)}


def test_what_waits_is_computed_again_and_says_the_open_day(told: Desk) -> None:
    practice = told.practice
    wait_for_the_day_before(told)
    put(told, {"dates": [{"on": "2026-02-02", "name": "Stocktaking"}], "weekdays": [6, 7]})
    upkeep.tick(practice.engine, practice.clock)
    assert waits(told) == {"day-before": date(2026, 1, 29)}
    assert told.open_item()["due_on"] == "2026-02-02"
    practice.run_until(datetime(2026, 1, 29, 15, tzinfo=UTC))
    text = [row.body for row in practice.messages if row.body and row.patient_id == told.patient][-1]
    assert "is due by Friday 30 January 2026." in text
    assert waits(told) == {"after-due": date(2026, 2, 5)}


def test_days_that_open_again_give_the_reminders_their_days_back(told: Desk) -> None:
    wait_for_the_day_before(told)
    put(told, {"dates": [{"on": "2026-02-02", "name": "Stocktaking"}]})
    upkeep.tick(told.practice.engine, told.practice.clock)
    assert waits(told) == {"day-before": date(2026, 1, 31)}
    put(told, {}, version=1)
    upkeep.tick(told.practice.engine, told.practice.clock)
    assert waits(told) == {"day-before": date(2026, 2, 1)}


def test_a_long_list_is_followed_page_by_page_and_goes_on_after_a_stop(
    told: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    wait_for_the_day_before(told)
    monkeypatch.setattr(closed_days, "AT_ONCE", 1)
    put(told, {"dates": [{"on": "2026-02-02", "name": "Stocktaking"}]})
    closed_days.tick(told.practice.engine, told.practice.clock, go_on=lambda: False)
    closed_days.tick(told.practice.engine, told.practice.clock)
    assert waits(told) == {"day-before": date(2026, 1, 31)}
    again = {row.id: row.send_at for row in told.practice.reminders}
    closed_days.tick(told.practice.engine, told.practice.clock)
    assert {row.id: row.send_at for row in told.practice.reminders} == again


def test_the_calendar_feed_stands_on_the_open_day_with_a_higher_sequence(told: Desk) -> None:
    practice = told.practice
    [before] = events(practice, told.patient)
    put(told, {"dates": [{"on": "2026-02-02", "name": "Stocktaking"}], "weekdays": [6, 7]})
    [after] = events(practice, told.patient)
    assert (before["DTSTART"].dt, after["DTSTART"].dt) == (date(2026, 2, 2), date(2026, 1, 30))
    assert (before["UID"], before["SEQUENCE"] + 1) == (after["UID"], after["SEQUENCE"])
