"""What a clinic pulls: adherence with its lines, prescribing status, who has no next date."""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from schedules import library
from schedules.groups import By, age_band
from service.flows import doctor
from tests.service.conftest import NOW, STARTED, enrol
from tests.service.test_reports import a_protocol
from tests.stories.conftest import Practice

REPORT = "/v1/reports/adherence"


@pytest.fixture
def busy(practice: Practice) -> Practice:
    """Ada never comes, =Bo came once, a day late; Cy is held; Di's protocol plans no more."""
    enrol(practice, "Ada Invented")
    practice.clock.wind(datetime(2026, 1, 14, 15, tzinfo=UTC))
    protocol = library.protocol("azathioprine-us-label")
    for name, number in (("=Bo", "=1+1"), ("Cy", "3")):
        patient = practice.patient(name=name, mrn=number, birth_date=date(1950, 3, 2))
        practice.contact(patient)
        course = practice.course(patient, protocol, STARTED)
        practice.draw(patient, date(2026, 1, 13), {"wbc", "anc", "plt", "hb"})
    held = {"course_id": course, "on": date(2026, 1, 14), "type": "hold", "reason": "result"}
    practice.learn(patient, events=[held])
    done = practice.patient(name="Di", mrn="4")
    last = a_protocol(name="one-count", offsets=["P4W"], then="clinician-decides", reason="Ask the clinic.")
    practice.course(done, last, STARTED)
    practice.clock.wind(NOW)
    practice.draw(done, date(2026, 2, 2), {"wbc"}, wbc=5)
    return practice


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


@pytest.mark.parametrize("by", By)
def test_groups_add_up_and_every_number_has_its_lines(client: TestClient, busy: Practice, by: By) -> None:
    report = client.get(f"{REPORT}?by={by}").json()
    total = Counter(report["total"]["measures"]["on-time"]["parts"])
    groups = [Counter(group["measures"]["on-time"]["parts"]) for group in report["groups"]]
    assert sum(groups, Counter()) == +total
    assert sum(total.values()) == 6
    lines = client.get(f"{REPORT}/lines?by={by}").json()["items"]
    assert Counter(line["part"] for line in lines if line["kind"] != "excluded") == +total
    assert {line["group"] for line in lines} <= {group[by.value] for group in report["groups"]}


def test_age_is_in_whole_years_on_the_last_day(client: TestClient, busy: Practice) -> None:
    found = client.get(f"{REPORT}?by=age-band&to=2026-03-02").json()["groups"]
    assert [(group["age-band"], group["patients"]) for group in found] == [("40–64", 2), ("75 and over", 2)]
    assert (age_band(date(1950, 3, 3), date(2025, 3, 2)), age_band(date(2008, 2, 29), date(2026, 2, 28))) == (
        "65–74",
        "18–39",
    )


def test_lines_say_why_an_item_is_not_counted(client: TestClient, busy: Practice) -> None:
    late = client.get(f"{REPORT}/lines?measure=on-time-without-grace&part=late").json()["items"]
    assert {(line["mrn"], line["due_on"], line["days_late"]) for line in late} == {
        ("=1+1", "2026-01-12", 1),
        ("3", "2026-01-12", 1),
    }
    assert client.get(f"{REPORT}/lines?part=nothing").json() == {"items": [], "next": None}
    [without] = client.get(f"{REPORT}/lines?measure=coverage&part=without").json()["items"]
    assert without["mrn"] == "4"


def test_no_cell_is_a_formula(client: TestClient, busy: Practice) -> None:
    for address in (f"{REPORT}/lines?", "/v1/prescribing-status?", "/v1/patients-without-next-date?"):
        answer = client.get(f"{address}format=csv")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert not any(cell.startswith("=") for row in table(answer.text) for cell in row.values())
    assert "'=1+1" in {row["mrn"] for row in table(client.get(f"{REPORT}/lines?format=csv").text)}


def test_pages_of_lines_are_all_of_them(client: TestClient, busy: Practice) -> None:
    whole = client.get(f"{REPORT}/lines").json()["items"]
    found: list[Any] = []
    address = f"{REPORT}/lines?limit=2"
    while address:
        answer = client.get(address)
        found += answer.json()["items"]
        address = answer.links.get("next", {}).get("url", "")
    assert found == whole


def test_as_of_a_past_moment_and_of_one_clinic(client: TestClient, busy: Practice) -> None:
    then = client.get(f"{REPORT}?as_of=2026-01-10T12:00:00Z").json()
    assert then["planned_again"] is True
    assert then["total"]["measures"]["on-time"]["rate"] is None
    other = "018f0000-0000-7000-8000-000000000000"
    assert client.get(f"{REPORT}?clinic={other}").json()["groups"] == []
    assert client.get(f"{REPORT}/lines?clinic={other}").json()["items"] == []
    assert client.get(f"/v1/prescribing-status?clinic={other}").json()["items"] == []


def test_the_worst_stand_first_and_a_hold_is_seen(client: TestClient, busy: Practice) -> None:
    found = client.get("/v1/prescribing-status").json()
    assert [(one["name"], one["status"]) for one in found["items"]] == [
        ("Ada Invented", "lapsed"),
        ("=Bo", "lapsed"),
        ("Cy", "held"),
        ("Di", "in-date"),
    ]
    assert found["counts"] == {"lapsed": 2, "overdue": 0, "held": 1, "due": 0, "in-date": 1}
    assert [one["name"] for one in client.get("/v1/prescribing-status?status=held").json()["items"]] == ["Cy"]
    first = client.get("/v1/prescribing-status?limit=1")
    second = client.get(first.links["next"]["url"]).json()
    assert [one["name"] for one in second["items"]] == ["=Bo"]


def test_who_has_no_next_date_is_named_with_the_reason(client: TestClient, busy: Practice) -> None:
    found = client.get("/v1/patients-without-next-date").json()
    assert [(one["name"], one["why"]) for one in found["items"]] == [("Di", "Ask the clinic.")]
    assert "Ask the clinic." in client.get("/prescribing").text
    found = doctor.examine(busy.engine, None, now=busy.clock())
    [said] = [one.sentence for one in found if one.check == "next dates"]
    assert said == "Elm Street, 4, methotrexate has no next due date: Ask the clinic."


@pytest.mark.parametrize(
    "asked",
    [
        "by=ward",
        "from=01/02/2026",
        "from=1",
        "to=2026-02-30",
        "to=9999-12-31",
        "to=0001-01-01",
        "as_of=2999-01-01T00:00:00Z",
        "as_of=2026-01-01T00:00:00",
        "as_of=0001-01-01T00:00:00%2B14:00",
        "medicine=%00",
        "clinic=x",
        "format=xml",
        "from=2026-02-01&to=2026-01-01",
    ],
)
def test_what_cannot_be_asked_is_refused_with_a_reason(
    client: TestClient, practice: Practice, asked: str
) -> None:
    answer = client.get(f"{REPORT}?{asked}")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert client.get(f"{REPORT}/lines?{asked}").status_code == 422


@pytest.mark.parametrize("asked", ["measure=x", "cursor=x", "cursor=a.b.c", "limit=0"])
def test_lines_that_cannot_be_are_refused(client: TestClient, practice: Practice, asked: str) -> None:
    assert client.get(f"{REPORT}/lines?{asked}").status_code == 422


def test_the_page_has_a_plot_a_sentence_and_the_same_in_a_table(client: TestClient, busy: Practice) -> None:
    page = client.get("/reports/adherence?by=phase").text
    assert 'role="img"' in page
    assert "<title id=" in page
    assert "<desc id=" in page
    assert "On time were 3 of 6 tests (50.0 %)" in page
    assert "“No data”" in page


def test_without_anybody_the_pages_say_so(client: TestClient) -> None:
    assert "There is no data" in client.get("/reports/adherence").text
    page = client.get("/prescribing").text
    assert "Nobody is on a medicine." in page
    assert "Nobody: everyone on a medicine has a next test." in page
