"""The body of a simulation: what it takes, and what it refuses in one sentence that names the key."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from schedules import simulate

BODY: dict[str, Any] = {
    "until": "2026-03-01",
    "patient": {"time_zone": "America/New_York"},
    "courses": [{"protocol": "azathioprine-us-label", "start": "2026-01-05"}],
}
NAN = float("nan")
NAUGHTY = Path(__file__).parents[1] / "data/blns/blns.json"


def changed(path: str, value: Any) -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    place: Any = body
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        place = place[part]
    place[last] = value
    return body


REFUSED = [
    ("until", "2025-12-31", "until: it is before the first course's start"),
    ("until", "2047-01-01", "until: it is more than 20 years"),
    ("until", 7, "until: write a day"),
    ("until", "1899-01-01", "until: write a day"),
    ("patient.time_zone", "Mars/Olympus", "patient.time_zone: there is no such IANA time zone"),
    ("patient.time_zone", None, "patient.time_zone: name an IANA time zone"),
    ("patient.preferred_time", "9", "patient.preferred_time: write a local time"),
    ("patient.preferred_time", "25:00", "patient.preferred_time: write a local time"),
    ("patient.preferred_time", "22:00", "patient.preferred_time: the preferred time is inside"),
    ("patient.quiet_hours", ["21:00"], "patient.quiet_hours: write quiet hours"),
    ("patient.quiet_hours", ["09:00", "09:00"], "patient.quiet_hours: quiet hours cannot start"),
    ("courses", [], "courses: "),
    ("courses.0.start", "05/01/2026", "courses.0.start: write a day"),
    ("courses.0.protocol", "no-such", "courses.0.protocol: there is no such packaged protocol"),
    ("courses.0.protocol", {"id": "x"}, "courses.0.protocol"),
    ("courses.0.enrolled", "2026-01-04", "courses.0.enrolled: it is before"),
    ("courses.0.surprise", 1, "courses.0.surprise: there is no such key"),
    ("courses.0.events", [{"on": "2026-01-06", "type": "attended"}], "courses.0.events.0.type: this event"),
    ("courses.0.events", [{"on": "2026-01-06", "type": "resume"}], "courses.0.events.0: there is no hold"),
    ("courses.0.events", [{"type": "hold"}], "courses.0.events.0.on: is missing"),
    ("outages", [["2026-01-07T00:00:00Z", "2026-01-06T00:00:00Z"]], "outages: an outage ends"),
    ("outages", [["2026-01-07", "2026-01-08"]], "outages.0.0: write a moment"),
    ("outages", [[3, 4]], "outages.0.0: write a moment"),
    ("outages", [["yesterday", "today"]], "outages.0.0: write a moment"),
    ("results", [{"on": "2026-01-06", "values": {}}], "results.0.values: write values"),
    ("results", [{"on": "2026-01-06", "values": {"wbc": "low"}}], "results.0.values: the value of wbc"),
    (
        "results",
        [{"on": "2026-01-06", "values": {"wbc": float("nan")}}],
        "results.0.values: the value of wbc",
    ),
    ("results", [{"on": "2026-01-06", "values": {"wbc": True}}], "results.0.values: the value of wbc"),
    ("tests", "sometimes", 'tests: write "on-due"'),
    ("tests", ["x"], "tests: write a day"),
    ("courses", {}, "courses: write a list"),
    ("courses", [7], "courses.0: write an object"),
    ("patient", "x", "patient: write an object"),
    ("courses.0.flags", ["nope"], "courses.0.flags.0: "),
    ("courses.0.protocol", 7, "courses.0.protocol: name a packaged protocol"),
    ("courses.0.events", [{"on": "2026-01-04", "type": "hold"}], "courses.0.events.0.on: it is before"),
    ("results", [{"on": "2001-01-01", "values": {"wbc": 3}}], "results.0.on: it is more than 20 years"),
    ("events", [{"on": "2026-01-06", "type": "move", "time_zone": "X"}], "events.0.time_zone"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), REFUSED)
def test_a_body_that_cannot_be_is_refused_by_its_key(path: str, value: Any, sentence: str) -> None:
    with pytest.raises(simulate.SimulateError) as caught:
        simulate.run(changed(path, value))
    assert str(caught.value).startswith(sentence)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [None, [], "x", 7, {}])
def test_what_is_no_body_is_refused(body: Any) -> None:
    with pytest.raises(simulate.SimulateError):
        simulate.run(body)


def test_hostile_strings_are_taken_as_text_or_refused_in_one_line() -> None:
    strings = json.loads(NAUGHTY.read_text("utf-8"))
    places = ["until", "patient.time_zone", "courses.0.protocol", "courses.0.start"]
    reasons = 0
    for text in strings:
        for place in places:
            with pytest.raises(simulate.SimulateError) as caught:
                simulate.run(changed(place, text))
            assert "\n" not in str(caught.value)
        hold = [{"on": "2026-01-06", "type": "hold", "reason": text}]
        reasons += bool(simulate.run(changed("courses.0.events", hold))["items"])
    assert reasons == len(strings)


def test_too_many_items_are_refused() -> None:
    daily = {
        "id": "daily",
        "version": 1,
        "title": "Every day",
        "medicine": {"name": "exampline"},
        "source": {"title": "A test", "evidence": "product-choice"},
        "clocks": [{"id": "blood", "kind": "test", "panel": ["wbc"], "phases": [{"every": "P1D"}]}],
    }
    body = changed("courses.0.protocol", daily) | {"until": "2026-12-01", "tests": "on-due"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("schedules.world.MOST_ITEMS", 100)
        with pytest.raises(simulate.SimulateError, match="until: a course has more than 100 items"):
            simulate.run(body)


def test_no_quiet_hours_means_none() -> None:
    early = changed("patient.quiet_hours", None)
    early["patient"]["preferred_time"] = "05:00"
    sent = [row["sent_at"] for row in simulate.run(early)["reminders"] if row["audience"] == "patient"]
    assert sent[0] == "2026-01-11T10:00:00Z"


def test_a_clinic_elsewhere_gets_its_work_at_its_own_nine_o_clock() -> None:
    answer = simulate.run(BODY | {"clinic": {"time_zone": "Asia/Tokyo"}})
    assert next(row["opened_at"] for row in answer["work_items"]) == "2026-01-16T00:00:00Z"


def test_late_enrolment_is_planned_from_its_day() -> None:
    [item] = simulate.run(changed("courses.0.enrolled", "2026-02-10"))["items"]
    assert (item["due_on"], item["version"]) == ("2026-02-10", 2)


def test_what_is_asked_and_answered_on_one_day_is_no_work() -> None:
    events = [
        {"on": "2026-01-14", "type": "dose-increase"},
        {"on": "2026-01-14", "type": "override", "every": "P1W"},
    ]
    answer = simulate.run(changed("courses.0.events", events) | {"until": "2026-01-14"})
    assert answer["work_items"] == []


def test_every_value_is_judged_also_two_of_one_day_and_from_before_the_start() -> None:
    body = changed("courses.0.protocol", "azathioprine-bsr-2017")
    body["results"] = [
        {"on": "2025-12-20", "values": {"wbc": 3.0}},
        {"on": "2026-01-19", "values": {"wbc": 3.4}},
        {"on": "2026-01-19", "values": {"wbc": 3.3}},
    ]
    found = [work["opened_at"][:10] for work in simulate.run(body)["work_items"] if work["kind"] == "limit"]
    assert found == ["2025-12-21", "2026-01-20", "2026-01-20"]
