"""A patient on a small telephone, without script: what is due, what can be told, and nothing in the way."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from db.tables import CheckIn, Reply
from schedules import library
from service.app import create_app
from service.clock import WoundClock
from service.flows import reminders
from service.links import Links
from tests.browser.conftest import served
from tests.stories.conftest import Practice
from tests.stories.test_check_ins import ASKED, ask

LINKS = Links("http://127.0.0.1", ["k" * 32])
NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}


@pytest.fixture
def practice(engine: object) -> Practice:
    found = Practice(engine, WoundClock(datetime(2026, 1, 5, tzinfo=UTC)))  # type: ignore[arg-type]
    found.open("America/New_York")
    patient = found.patient()
    found.contact(patient)
    found.course(patient, library.protocol("azathioprine-us-label"), date(2026, 1, 5))
    found.clock.wind(NINE)
    reminders.tick(found.engine, found.clock, found.channels, links=LINKS)
    return found


@pytest.fixture
def page(practice: Practice, browser: Browser) -> Iterator[Page]:
    """The message's link, opened on 320 pixels without script."""
    [body] = [row.body for row in practice.messages if row.body]
    path = re.search(r"http://127.0.0.1(/p/\S+)", body)
    assert path is not None
    with served(create_app(practice.engine, practice.clock, links=LINKS)) as address:
        context = browser.new_context(viewport={"width": 320, "height": 640}, java_script_enabled=False)
        found = context.new_page()
        found.goto(address + path[1])
        yield found
        context.close()


def sound(page: Page, browser: Browser) -> None:
    """No sideways scroll, and nothing that axe finds: it needs script, so it looks at a copy."""
    with browser.new_context(viewport={"width": 320, "height": 640}, bypass_csp=True) as context:
        copy = context.new_page()
        origin = "/".join(page.url.split("/")[:3])
        copy.goto(f"{origin}/static/icon.svg")
        copy.route("**/*", lambda route: route.fulfill(body=page.content(), content_type="text/html")
                   if route.request.resource_type == "document" else route.continue_())  # fmt: skip
        copy.goto(f"{origin}/copy")
        assert copy.evaluate("document.documentElement.scrollWidth") <= 320
        assert [found["id"] for found in Axe().run(copy, options=WCAG).response["violations"]] == []


def open_it(page: Page) -> None:
    for name, value in (("Day", "1"), ("Month (1 to 12)", "1"), ("Year", "1980")):
        page.get_by_label(name, exact=True).fill(value)
    page.get_by_role("button", name="Show my page").click()


def test_the_page_is_opened_told_and_left_by_keyboard(
    page: Page, browser: Browser, practice: Practice
) -> None:
    sound(page, browser)
    page.keyboard.press("Tab")
    for part in ("1", "1", "1980"):
        page.keyboard.type(part)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Your blood test is due by Monday 12 January 2026.").first).to_be_visible()
    sound(page, browser)
    page.get_by_label("The day it was done").fill("2026-01-11")
    page.get_by_label("The place").fill("Hill laboratory")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Thank you. We will get the result")
    sound(page, browser)
    assert [row.kind.value for row in practice.rows(Reply)] == ["done"]


def test_a_problem_brings_the_emergency_number_to_the_top(page: Page, browser: Browser) -> None:
    open_it(page)
    page.get_by_label("Yes", exact=True).check()
    page.get_by_label("If yes: what is it?").fill("a fever")
    page.get_by_role("button", name="Send my answer").click()
    expect(page.get_by_role("alert")).to_contain_text("Call 911 at once")
    box = page.get_by_role("alert").bounding_box()
    assert box is not None
    assert box["y"] < 300
    sound(page, browser)


def test_a_wrong_birth_date_says_so_and_shows_nothing(page: Page, browser: Browser) -> None:
    page.get_by_label("Day", exact=True).fill("2")
    page.get_by_label("Month (1 to 12)").fill("1")
    page.get_by_label("Year").fill("1980")
    page.get_by_role("button", name="Show my page").click()
    expect(page.get_by_role("alert")).to_contain_text("not the date of birth")
    sound(page, browser)


def test_a_check_in_is_answered_on_a_small_telephone(
    page: Page, browser: Browser, practice: Practice
) -> None:
    ask(practice)
    open_it(page)
    expect(page.locator(".banner.alarm").first).to_contain_text("Call 911 at once")
    sound(page, browser)
    for question in ASKED.questions:
        chosen = 2 if question.id == "bleeding" else 0
        page.locator(f"[name='q.{question.id}']").nth(chosen).check()
    page.get_by_label("If you measured it: your temperature").fill("36.9")
    page.get_by_role("button", name="Send my answers").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Call 911 now")
    box = page.get_by_role("alert").bounding_box()
    assert box is not None
    assert box["y"] < 300
    sound(page, browser)
    assert [row.level for row in practice.rows(CheckIn)] == ["emergency"]
