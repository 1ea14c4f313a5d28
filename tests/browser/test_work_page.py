"""The work list in a real Chromium, 320 px wide: worked on by its forms, and axe finds nothing."""

from datetime import timedelta

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from service.app import create_app
from tests.browser.conftest import served
from tests.stories.conftest import Practice, practice
from tests.stories.mailed import red

__all__ = ["practice"]


def test_H47_the_work_list_is_narrow_axe_clean_and_worked_on(browser: Browser, practice: Practice) -> None:
    who = practice.patient(name="Ada Invented")
    red(practice, "one", patient_id=who)
    red(practice, "two", level="routine", patient_id=who)
    practice.clock.wind(practice.clock() + timedelta(hours=1))
    with served(create_app(practice.engine, practice.clock)) as house:
        page = browser.new_context(java_script_enabled=True).new_page()
        page.set_viewport_size({"width": 320, "height": 700})
        page.goto(f"{house}/work")
        for each in page.locator("summary").all():
            each.click()
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert "taken by nobody since" in page.content()
        assert Axe().run(page).response["violations"] == []
        page.set_viewport_size({"width": 1000, "height": 700})
        assert page.evaluate("document.documentElement.scrollWidth") == 1000
        assert Axe().run(page).response["violations"] == []
        page.get_by_role("button", name="Claim it").nth(1).click()
        assert page.url == f"{house}/work"
        page.close()
    assert [row.state.value for row in practice.work if row.key == "two"] == ["claimed"]


def test_a_form_is_taken_over_plain_http_from_another_machine(browser: Browser, practice: Practice) -> None:
    red(practice, "one", patient_id=practice.patient(name="Ada Invented"))
    with served(create_app(practice.engine, practice.clock, hosts=None)) as house:
        page = browser.new_page()
        page.goto(house.replace("127.0.0.1", "clinic.test") + "/work")
        for each in page.locator("summary").all():
            each.click()
        page.get_by_role("button", name="Claim it").first.click()
        page.close()
    assert [row.state.value for row in practice.work if row.key == "one"] == ["claimed"]
