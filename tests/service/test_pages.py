"""The pages: what a coordinator sees, and that nothing a patient is called can break one."""

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from db.tables import Patient
from db.types import new_id
from schedules import library
from service import app as web
from service import pages
from service.pages import work
from tests.service.conftest import NOW, STARTED, beat, enrol
from tests.stories.conftest import Practice
from tests.stories.mailed import DESK, put, red, send

PAGES = ["/", "/overdue", "/work", "/outbox", "/prescribing", "/reports/adherence"]
NAUGHTY = json.loads(Path(__file__).parents[1].joinpath("data", "blns", "blns.json").read_text("utf-8"))
LOCAL_ONLY = "No transport is configured: messages go to this local outbox only."
VOID = {"meta", "link", "input"}


class Page(HTMLParser):
    """The text of a page, its elements, and whether every one that was opened is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def words(self) -> str:
        return " ".join(self.text.split())


def read(client: TestClient, address: str) -> Page:
    answer = client.get(address)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    return Page(answer.text)


@pytest.fixture
def busy(practice: Practice) -> Practice:
    """Two patients; one cannot be reached. Eight weeks have passed without a test."""
    enrol(practice, "Ada Invented")
    enrol(practice, "Bo Silent", consent=False)
    practice.run_until(NOW)
    beat(practice)
    return practice


def test_every_page_can_be_found_ones_way_in(client: TestClient, busy: Practice) -> None:
    for address in PAGES:
        page = read(client, address)
        assert page.all("html") == [{"lang": "en"}]
        assert len(page.all("h1")) == 1
        assert len(page.all("main")) == 1
        assert page.all("a")[0] == {"class": "skip", "href": "#main"}
        assert [a["href"] for a in page.all("a") if a.get("aria-current") == "page"] == [address]
        for name in ("table", "th"):
            assert all(attributes.get("role") for attributes in page.all(name))
        assert len(page.all("caption")) == len(page.all("table"))
        assert {th["scope"] for th in page.all("th")} <= {"col", "row"}


def test_no_page_needs_a_script_or_another_site(client: TestClient, busy: Practice) -> None:
    for address in PAGES:
        page = read(client, address)
        assert page.all("script") == page.all("style") == page.all("img") == []
        assert all(link["href"].startswith("/static/") for link in page.all("link"))
        assert all(not any(name.startswith("on") or name == "style" for name in a) for _, a in page.elements)
        for link in page.all("link"):
            assert client.get(link["href"]).status_code == 200


def test_every_page_says_that_nothing_leaves_the_house(client: TestClient, busy: Practice) -> None:
    for address in PAGES:
        assert LOCAL_ONLY in read(client, address).words


def test_with_a_transport_the_notice_is_gone(busy: Practice) -> None:
    app = web.create_app(busy.engine, busy.clock, local_only=False)
    page = read(TestClient(app, base_url="http://localhost"), "/")
    assert LOCAL_ONLY not in page.words
    assert "Stopped:" not in page.words


def test_every_page_raises_the_alarm_when_a_loop_has_stopped(client: TestClient, busy: Practice) -> None:
    assert not any("Stopped:" in read(client, address).words for address in PAGES)
    busy.clock.wind(busy.clock() + timedelta(seconds=91))
    for address in PAGES:
        words = read(client, address).words
        assert "Stopped: reminders are not going out as they should." in words
        assert "Reminders have not been checked since 2026-03-02 15:00 UTC" in words


def test_the_front_page_counts_and_says_when_reminders_were_checked(
    client: TestClient, busy: Practice
) -> None:
    words = read(client, "/").words
    for count in ("Lapsed 2", "Overdue 0", "Patients 2", "Clinics 1"):
        assert count in words
    assert "Reminders last checked 2026-03-02 15:00 UTC." in words
    assert "Messages to come 2 " in words
    assert "The next message goes out at 2026-03-" in words


def test_the_front_page_of_an_empty_clinic(client: TestClient) -> None:
    words = read(client, "/").words
    assert "Patients 0" in words
    assert "Reminders have not been checked yet." in words
    assert "No message is to come." in words


def test_the_overdue_page_says_whom_to_call_first_why_and_where(client: TestClient, busy: Practice) -> None:
    page = read(client, "/overdue")
    assert page.words.index("Bo Silent") < page.words.index("Ada Invented")
    assert "No reminder reaches the patient: no contact with consent." in page.words
    assert "tel:+12025550101" in [a["href"] for a in page.all("a")]
    assert "lapsed" in page.words


def test_the_overdue_page_and_the_json_say_the_same(client: TestClient, busy: Practice) -> None:
    words = read(client, "/overdue").words
    for one in client.get("/v1/overdue").json()["items"]:
        for text in (one["name"], one["clinic"], one["state"], str(one["days_overdue"]), *one["reasons"]):
            assert text in words


def test_a_patient_without_a_number_has_none(client: TestClient, practice: Practice) -> None:
    patient_id = practice.patient(name="Ada Invented")
    practice.course(patient_id, library.protocol("azathioprine-us-label"), STARTED)
    practice.clock.wind(NOW)
    assert "none known" in read(client, "/overdue").words


def test_a_long_list_says_that_it_is_cut(
    client: TestClient, busy: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_OVERDUE", 1)
    words = read(client, "/overdue").words
    assert "2 overdue, whom to call first at the top. These are the first 1." in words
    assert "Ada Invented" not in words


def test_nobody_overdue_and_nothing_said_is_said_in_words(client: TestClient) -> None:
    assert "Nobody is overdue." in read(client, "/overdue").words
    assert "Nothing was said yet." in read(client, "/outbox").words


def test_the_work_list_shows_what_waits_for_a_person(client: TestClient, busy: Practice) -> None:
    red(busy, "a result", patient_id=busy.rows(Patient)[0].id)
    red(busy, "another")
    words = read(client, f"/work?clinic={busy.clinic_id}").words
    assert words.index("limit same-day Ada Invented Elm Street") < words.index("lapsed")  # red is first
    assert "limit same-day none Elm Street 2026-03-02 10:00 America/New_York" in words
    assert read(client, f"/work?clinic={new_id()}").words.count("0 open, checked 2026-03-02 15:00 UTC.") == 1


def test_a_long_work_list_says_that_it_is_cut(
    client: TestClient, busy: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_WORK", 1)
    assert "These are the first 1 of" in read(client, "/work").words


def test_the_banner_names_clinics_of_whose_staff_nobody_is_mailed(busy: Practice) -> None:
    app = web.create_app(busy.engine, busy.clock, local_only=False)
    client = TestClient(app, base_url="http://localhost")
    notice = "Nobody of these clinics’ staff is mailed digests and alarms:"
    assert notice in read(client, "/").words
    put(busy, DESK)
    assert notice not in read(client, "/").words


def test_the_outbox_shows_what_was_for_staff(client: TestClient, busy: Practice) -> None:
    red(busy)
    send(busy)
    assert "the clinic’s staff Elm Street" in read(client, "/outbox").words
    [first, *_] = client.get("/v1/outbox").json()["items"]
    assert (first["name"], first["audience"]) == (None, "coordinator")


def test_the_outbox_shows_messages_as_they_were_said(client: TestClient, busy: Practice) -> None:
    page = read(client, "/outbox")
    said = client.get("/v1/outbox?limit=500").json()["items"]
    assert said
    assert all(" ".join(one["body"].split()) in page.words for one in said[: pages.MOST_MESSAGES])
    assert "America/New_York" in page.words
    assert "azathioprine" not in page.words.lower()


def test_the_outbox_leads_to_older_messages_and_back(
    client: TestClient, busy: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "MOST_MESSAGES", 3)
    whole = [one["said_at"] for one in client.get("/v1/outbox?limit=500").json()["items"]]
    seen: list[str | None] = []
    address: str | None = f"/outbox?clinic={busy.clinic_id}"
    while address:
        page = read(client, address)
        seen += [time["datetime"] for time in page.all("time")]
        address = next((a["href"] for a in page.all("a") if a.get("rel") == "next"), None)
        assert address is None or f"clinic={busy.clinic_id}" in address
    assert [datetime.fromisoformat(str(moment)) for moment in seen] == [
        datetime.fromisoformat(moment) for moment in whole
    ]
    assert f"/outbox?clinic={busy.clinic_id}" in [a["href"] for a in page.all("a")]


def test_a_cursor_behind_the_last_message_finds_nothing_further(client: TestClient) -> None:
    assert "There is nothing further." in read(client, f"/outbox?cursor=0-{'0' * 32}").words


def test_no_name_can_be_anything_but_a_name(client: TestClient, practice: Practice) -> None:
    names = [text for text in NAUGHTY if "\0" not in text and text.strip() and text.isascii()]
    for name in names[:150]:
        enrol(practice, name)
    practice.clock.wind(datetime(2026, 2, 1, tzinfo=UTC))
    page = read(client, "/overdue")
    assert page.all("script") == page.all("img") == page.all("iframe") == []
    text = re.sub(r"\s+", " ", page.text)
    assert all(re.sub(r"\s+", " ", name.strip()) in text for name in names[:150])
