"""A clinic's own figures on side effects, over the API and on their page."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from service.app import create_app
from tests.service.test_pages import Page
from tests.stories.conftest import Practice
from tests.stories.test_check_ins import AMBER, FEVER, answer
from tests.stories.test_check_ins import patient as patient  # a fixture


@pytest.fixture
def client(practice: Practice) -> Iterator[TestClient]:
    app = create_app(practice.engine, practice.clock)
    with TestClient(app, base_url="http://localhost") as found:
        yield found


def test_the_figures_are_counted_from_the_check_ins(
    client: TestClient, practice: Practice, patient: UUID
) -> None:
    asked = {"clinic": str(practice.clinic_id)}
    empty = client.get("/v1/reports/check-ins", params=asked).json()
    assert [each["rate"] for each in empty["figures"]] == [None, None, None]
    assert empty["figures"][0]["sentence"].startswith("No data:")
    answer(practice, patient, **AMBER)
    answer(practice, patient, item="", **FEVER)
    found = client.get("/v1/reports/check-ins", params=asked).json()
    counts = [(each["name"], each["numerator"], each["denominator"]) for each in found["figures"]]
    assert counts == [("any-side-effect", 1, 1), ("severe-side-effect", 1, 1), ("improved-control", 1, 1)]
    assert "92 adults with ITP" in str(found["published"])
    day = (practice.clock() - timedelta(days=1)).date().isoformat()
    before = client.get("/v1/reports/check-ins", params=asked | {"to": day, "from": "2026-01-01"}).json()
    assert before["figures"][0]["denominator"] == 0, "none of them is in the period"
    assert (
        client.get("/v1/reports/check-ins", params=asked | {"from": "2026-02-01", "to": day}).status_code
        == 422
    )


def test_the_page_says_it_in_a_picture_a_sentence_and_a_table(
    client: TestClient, practice: Practice, patient: UUID
) -> None:
    empty = Page(client.get("/reports/side-effects").text)
    assert empty.words.count("no data") >= 3
    answer(practice, patient, **AMBER)
    text = client.get("/reports/side-effects").text
    page = Page(text)
    assert "1 of 1 patients (100.0 %) answered in the period with any symptom beyond none." in page.words
    assert "73.9 % had some side effect" in page.words
    assert "<svg" in text
    assert len(page.all("table")) == 2
