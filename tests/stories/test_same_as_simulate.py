"""The rows, the queue and the loops tell the same story as `simulate`: one definition behind both."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

import pytest

from schedules import days, library, simulate
from schedules.facts import EventType
from service.clock import WoundClock

MORNING = {"resume", "died"}

SCENARIOS: dict[str, dict[str, Any]] = {
    "tests never come": {
        "until": "2026-05-20",
        "courses": [{"protocol": "azathioprine-us-label", "start": "2026-01-05"}],
        "tests": "never",
    },
    "tests come late, early and partly, over the change of the clock": {
        "until": "2026-07-01",
        "courses": [{"protocol": "azathioprine-bsr-2017", "start": "2026-01-05"}],
        "tests": [
            "2026-01-15",
            "2026-01-16",
            "2026-02-09",
            "2026-02-27",
            "2026-04-01",
            "2026-04-02",
            "2026-05-25",
        ],
        "results": [{"on": "2026-03-20", "values": {"wbc": 3.1, "plt": 200}}],
    },
    "a hold, a resume and a dose increase": {
        "until": "2026-07-15",
        "courses": [
            {
                "protocol": "azathioprine-bsr-2017",
                "start": "2026-01-05",
                "events": [
                    {"on": "2026-01-28", "type": "hold"},
                    {"on": "2026-02-20", "type": "resume"},
                    {"on": "2026-03-05", "type": "dose-increase"},
                ],
            }
        ],
        "tests": ["2026-01-19", "2026-02-22", "2026-03-20", "2026-04-10", "2026-05-01"],
    },
    "a restart of offsets, an override that lapses, and a stop": {
        "until": "2026-09-30",
        "courses": [
            {
                "protocol": "azathioprine-bsg-2019",
                "start": "2026-01-05",
                "events": [
                    {"on": "2026-02-12", "type": "dose-increase"},
                    {"on": "2026-05-20", "type": "override", "every": "P6M", "review_on": "2026-06-01"},
                    {"on": "2026-08-30", "type": "stop", "reason": "pregnancy planned"},
                ],
            }
        ],
        "tests": ["2026-01-19", "2026-02-03", "2026-02-26", "2026-03-12", "2026-04-09", "2026-05-07"],
    },
    "two medicines, and a death": {
        "until": "2026-04-30",
        "courses": [
            {"protocol": "azathioprine-us-label", "start": "2026-01-05"},
            {
                "protocol": "mercaptopurine-sps",
                "start": "2026-01-12",
                "events": [{"on": "2026-04-02", "type": "died"}],
            },
        ],
        "tests": ["2026-01-26", "2026-02-10", "2026-03-15"],
    },
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_database_tells_the_same_story_as_simulate(practice: Any, name: str) -> None:
    body = SCENARIOS[name] | {"patient": {"time_zone": "America/New_York"}}
    answer = simulate.run(body)
    courses = _live(practice, body)
    assert _items_of(practice, courses) == [_item(row) for row in answer["items"]]
    assert _reminders_of(practice, courses) == sorted(_reminder(row) for row in answer["reminders"])


def _live(practice: Any, body: dict[str, Any]) -> list[UUID]:
    """Let the days of the body pass over real rows."""
    zone = days.zone(body["patient"]["time_zone"])
    day, until = date(2026, 1, 5), date.fromisoformat(body["until"])
    practice.clock = WoundClock(days.instant(day, time(0), zone))
    patient = practice.patient()
    practice.contact(patient)
    courses: dict[int, UUID] = {}
    while day <= until:
        practice.run_until(days.instant(day, time(0), zone))
        for index, course in enumerate(body["courses"]):
            if course["start"] == day.isoformat():
                protocol = library.protocol(course["protocol"])
                courses[index] = practice.course(patient, protocol, day)
        _learn(practice, patient, courses, body, day, morning=True)
        practice.run_until(days.instant(day, time(23, 59), zone), keep_up=False)
        _learn(practice, patient, courses, body, day, morning=False)
        day += timedelta(days=1)
    practice.run_until(days.instant(day, time(0), zone), keep_up=False)
    return list(courses.values())


def _learn(
    practice: Any, patient: UUID, courses: dict[int, UUID], body: dict[str, Any], day: date, *, morning: bool
) -> None:
    events = [
        {
            "course_id": courses[index],
            "on": day,
            "type": EventType(event["type"]),
            **{key: event[key] for key in ("reason", "every") if key in event},
            **({"review_on": date.fromisoformat(event["review_on"])} if "review_on" in event else {}),
        }
        for index, course in enumerate(body["courses"])
        for event in course.get("events", [])
        if event["on"] == day.isoformat() and (event["type"] in MORNING) == morning
    ]
    if any(event["type"] == "died" for event in events):
        events = [events[0] | {"course_id": course_id} for course_id in courses.values()]
    drawn: dict[str, float] = {}
    if not morning:
        for result in body.get("results", []):
            drawn |= result["values"] if result["on"] == day.isoformat() else {}
    results = [_result(name, day) for name in drawn]
    if not morning and isinstance(body["tests"], list) and day.isoformat() in body["tests"]:
        results = [_result(name, day) for name in sorted(library_components())]
    if events or results:
        practice.learn(patient, events=events, results=results)


def library_components() -> set[str]:
    return {name for p in library.protocols().values() for clock in p.clocks for name in clock.components}


def _result(name: str, day: date) -> dict[str, Any]:
    return {"analyte": name, "value": None, "value_as_sent": "", "unit_as_sent": "", "collected_on": day}


def _items_of(practice: Any, courses: list[UUID]) -> list[tuple[Any, ...]]:
    found = [
        (
            row.due_on.isoformat(),
            courses.index(row.course_id),
            row.clock,
            row.ordinal,
            row.version,
            row.phase,
            row.opens_on.isoformat(),
            row.last_on_time.isoformat(),
            None if row.class_ is None else row.class_.value,
            None if row.collected_on is None else row.collected_on.isoformat(),
            row.missing,
        )
        for row in practice.items
    ]
    return sorted(found, key=lambda item: item[:4])


def _item(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["due_on"],
        row["course"],
        row["clock"],
        row["ordinal"],
        row["version"],
        str(row["phase"]),
        row["opens_on"],
        row["last_on_time"],
        row["class"],
        row["collected_on"],
        row["missing"],
    )


def _reminders_of(practice: Any, courses: list[UUID]) -> list[tuple[Any, ...]]:
    items = {row.id: row for row in practice.items}
    return sorted(
        (
            courses.index(items[row.item_id].course_id),
            items[row.item_id].clock,
            items[row.item_id].ordinal,
            row.version,
            row.track.value,
            row.rung,
            f"{row.day}T{row.at_local}",
            _utc(row.send_at),
            row.state.value,
            _utc(row.decided_at) if row.state == "sent" else "",
        )
        for row in practice.reminders
        if row.state != "waiting"
    )


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _reminder(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["course"],
        row["clock"],
        row["ordinal"],
        row["version"],
        row["audience"],
        row["rung"],
        row["local"],
        row["send_at"],
        row["outcome"],
        row["sent_at"] or "",
    )
