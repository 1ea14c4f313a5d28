"""The clinic's pages in a real Chromium: at 320 px nothing scrolls sideways, and axe finds nothing."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from service.app import create_app
from tests.browser.conftest import served
from tests.service.conftest import NOW, enrol, practice
from tests.stories.conftest import Practice

__all__ = ["practice"]


@pytest.mark.parametrize("address", ["/reports/adherence?by=phase", "/prescribing"])
def test_the_pages_are_narrow_and_axe_clean(browser: Browser, practice: Practice, address: str) -> None:
    enrol(practice, "Ada Invented")
    practice.clock.wind(NOW)
    with served(create_app(practice.engine, practice.clock)) as house:
        page = browser.new_page(viewport={"width": 320, "height": 700})
        page.goto(house + address)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        assert page.get_by_role("img").count() == 1
        assert Axe().run(page).response["violations"] == []
        page.close()
