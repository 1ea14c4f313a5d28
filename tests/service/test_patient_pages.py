"""The page of a message: nothing before the birth date, nothing changed by looking, no word breaks it."""

import itertools
import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import httpx2
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from db.engine import reading
from db.tables import METADATA, Reply
from schedules import library
from service.app import create_app
from service.flows import reminders
from service.links import Links
from tests.service.test_pages import Page
from tests.stories.conftest import Practice

LINKS = Links("http://localhost", ["k" * 32])
NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)
BORN = {"day": "1", "month": "1", "year": "1980"}
NAUGHTY = json.loads(Path(__file__).parents[1].joinpath("data", "blns", "blns.json").read_text("utf-8"))
CLINICAL = re.compile("azathioprine|blood|January 2026|Ada|Invented", re.IGNORECASE)


@pytest.fixture
def client(practice: Practice) -> Iterator[TestClient]:
    app = create_app(practice.engine, practice.clock, links=LINKS)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as found:
        yield found


@pytest.fixture
def link(practice: Practice) -> str:
    """Where the first message to a patient leads."""
    patient = practice.patient()
    practice.contact(patient)
    practice.course(patient, library.protocol("azathioprine-us-label"), date(2026, 1, 5))
    practice.clock.wind(NINE)
    reminders.tick(practice.engine, practice.clock, practice.channels, links=LINKS)
    [body] = [row.body for row in practice.messages if row.body]
    found = re.search(r"http://localhost(/p/\S+)", body)
    assert found is not None
    return found[1]


def read(answer: httpx2.Response, status: int = 200) -> Page:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "same-origin")
    return Page(answer.text)


def fields(page: Page) -> dict[str, str]:
    hidden = [field for field in page.all("input") if field.get("type") == "hidden"]
    return {str(field["name"]): str(field["value"]) for field in hidden}


def everything(practice: Practice) -> dict[str, list[sa.Row]]:
    with reading(practice.engine) as session:
        return {name: list(session.execute(sa.select(table))) for name, table in METADATA.tables.items()}


def test_before_the_birth_date_only_the_clinic_is_shown(client: TestClient, link: str) -> None:
    page = read(client.get(link))
    assert "Elm Street" in page.words
    assert "+1 202-555-0100" in page.words
    assert "In an emergency call 911." in page.words
    assert not CLINICAL.search(page.words)


def test_the_birth_date_opens_it(client: TestClient, link: str) -> None:
    page = read(client.post(link, data=BORN))
    assert "Your blood test is due by Monday 12 January 2026." in page.words
    assert "azathioprine" not in page.words
    assert page.all("script") == []


@pytest.mark.parametrize(
    "born",
    [
        BORN | {"year": "1981"},
        BORN | {"day": "31", "month": "2"},
        BORN | {"year": ""},
        BORN | {"day": "one"},
        BORN | {"year": "9" * 5000},
        {},
    ],
    ids=["another", "no such day", "missing", "words", "endless", "nothing"],
)
def test_another_birth_date_does_not(client: TestClient, link: str, born: dict[str, str]) -> None:
    page = read(client.post(link, data=born), 422)
    assert "That is not the date of birth that we have." in page.words
    assert not CLINICAL.search(page.words)


def test_after_five_wrong_birth_dates_the_right_one_is_no_help(client: TestClient, link: str) -> None:
    for _ in range(5):
        client.post(link, data=BORN | {"year": "1981"})
    page = read(client.post(link, data=BORN))
    assert "The date of birth was wrong too often. Please call us." in page.words
    assert not CLINICAL.search(page.words)


def test_H71_looking_changes_nothing(client: TestClient, practice: Practice, link: str) -> None:
    feed = re.search(r"http://localhost(/c/\S+?\.ics)", client.post(link, data=BORN).text)
    assert feed is not None
    before = everything(practice)
    for address in (link, f"{link}/stop", f"{link}/done", feed[1], "/p/none", "/c/none.ics"):
        for _ in range(10):
            client.get(address)
            client.head(address)
    assert everything(practice) == before


def test_every_act_of_the_page_can_be_done(client: TestClient, practice: Practice, link: str) -> None:
    mine = fields(read(client.post(link, data=BORN)))
    told = client.post(f"{link}/done", data=mine | {"on": "2026-01-11", "place": "Hill laboratory"})
    assert "Thank you. We will get the result" in read(told).words
    assert "You told us that it was done." in read(told).words
    page = read(client.post(f"{link}/answer", data=mine | {"choice": "yes", "text": "a rash"}))
    assert page.words.index("Call 911 at once") < page.words.index("Your answer is with Elm Street")
    assert "The clinic knows." in read(client.post(f"{link}/stop")).words
    kinds = [row.kind.value for row in practice.rows(Reply, "at", "id")]
    assert sorted(kinds) == ["done", "problem", "stopped"]


def test_a_mail_program_ends_the_messages_by_one_post(
    client: TestClient, practice: Practice, link: str
) -> None:
    answer = client.post(f"{link}/stop", data={"List-Unsubscribe": "One-Click"})
    assert read(answer).words.count("No more messages will be sent to you.") == 1
    assert [row.kind for row in practice.work] == ["messages-stopped"]


def test_without_opening_nothing_can_be_told(client: TestClient, practice: Practice, link: str) -> None:
    mine = fields(read(client.post(link, data=BORN)))
    practice.clock.wind(practice.clock() + timedelta(minutes=30))
    for opened in (mine["opened"], "", "x" * 60, mine["opened"][:-1] + "A"):
        form = mine | {"opened": opened, "on": "2026-01-11", "place": "Hill", "choice": "yes"}
        for act in ("done", "visit", "answer"):
            assert not CLINICAL.search(read(client.post(f"{link}/{act}", data=form)).words)
    assert practice.rows(Reply) == []


def test_another_patients_item_is_not_open(client: TestClient, practice: Practice, link: str) -> None:
    mine = fields(read(client.post(link, data=BORN)))
    other = practice.patient()
    practice.course(other, library.protocol("azathioprine-us-label"), date(2026, 1, 5))
    [item] = [row for row in practice.items if row.patient_id == other]
    form = mine | {"item": item.id.hex, "on": "2026-01-11", "place": "Hill"}
    assert "That is no longer open." in read(client.post(f"{link}/done", data=form)).words


@pytest.mark.parametrize("purpose", ["page", "calendar", "opened"])
def test_a_token_is_good_for_its_purpose_alone(client: TestClient, link: str, purpose: str) -> None:
    token = link.removeprefix("/p/")
    message = LINKS.read("page", token)
    assert isinstance(message, UUID)
    other = LINKS.token(purpose, message)
    assert (LINKS.read("page", other) == message) is (purpose == "page")


def test_no_changed_token_is_read(link: str) -> None:
    token = link.removeprefix("/p/")
    for at, sign in enumerate(token):
        for other in "Aa0_-.":
            if other != sign:
                changed = token[:at] + other + token[at + 1 :]
                assert LINKS.read("page", changed) in (None, LINKS.read("page", token)), changed


def test_a_key_can_be_changed_and_the_older_is_still_read(link: str) -> None:
    token = link.removeprefix("/p/")
    newer = Links("http://localhost", ["k" * 32, "n" * 32])
    message = LINKS.read("page", token)
    assert message is not None
    assert newer.read("page", token) == message
    assert LINKS.read("page", newer.token("page", message)) is None


def test_no_link_is_made_or_read_without_a_public_address(practice: Practice, link: str) -> None:
    with TestClient(create_app(practice.engine, practice.clock), base_url="http://localhost") as found:
        assert read(found.get(link), 404).words.startswith("Nothing here There is nothing at this address")


def test_no_naughty_string_breaks_the_page(client: TestClient, practice: Practice, link: str) -> None:
    mine = fields(read(client.post(link, data=BORN)))
    acts = itertools.cycle(("done", "visit", "answer"))
    for text, act in zip(NAUGHTY, acts, strict=False):
        form = dict.fromkeys(("on", "place", "choice", "text", "wish"), text)
        answer = client.post(f"{link}/{act}", data=mine | form)
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text
    for text in NAUGHTY[::20]:
        assert client.get(f"/p/{quote(text, safe='')[:300]}").status_code in (404, 405)
    form = mine | {"on": "2026-01-11", "place": NAUGHTY[-1]}
    assert "Thank you." in read(client.post(f"{link}/done", data=form)).words


def test_a_form_that_is_none_is_refused(client: TestClient, link: str) -> None:
    assert client.post(link, content=b"x" * 40_000).status_code == 413
    assert client.post(link, content=b"&".join([b"a=1"] * 70)).status_code == 422
    assert client.post(link, content=b"day=\xff\xfe").status_code == 422


def test_no_address_of_a_patient_is_logged(
    client: TestClient, link: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client.get(link)
    client.post(link, data=BORN)
    said = capsys.readouterr()
    assert link.removeprefix("/p/") not in said.out + said.err
    assert "1980" not in said.out + said.err
