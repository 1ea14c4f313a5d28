"""H64, H66: what a page and whoever watches the service say of a hold and of a pause."""

from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from db import deployments
from db.engine import writing
from service.flows import pauses
from tests.service.conftest import beat
from tests.stories.conftest import Practice

PAGES = ("/", "/overdue", "/outbox")


@pytest.mark.parametrize("page", PAGES)
def test_H64_a_held_database_has_a_red_banner_on_every_page(
    client: TestClient, practice: Practice, page: str
) -> None:
    beat(practice)
    assert "HOLD" not in client.get(page).text
    with writing(practice.engine) as session:
        deployments.hold(session, reason="a backup was restored", now=practice.clock())
    shown = client.get(page).text
    assert 'class="banner alarm"' in shown
    assert "HOLD: nothing is sent" in shown
    assert "a backup was restored" in shown


def test_H64_a_held_database_is_not_ready_and_says_why(client: TestClient, practice: Practice) -> None:
    beat(practice)
    assert client.get("/health/ready").status_code == 200
    with writing(practice.engine) as session:
        deployments.hold(session, reason="a backup was restored", now=practice.clock())
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert "nextcount hold release" in answer.json()["detail"]


@pytest.mark.parametrize("page", PAGES)
def test_H66_a_pause_is_on_every_page_and_is_no_alarm(
    client: TestClient, practice: Practice, page: str
) -> None:
    beat(practice)
    until, now = practice.clock() + timedelta(days=1), practice.clock()
    with writing(practice.engine) as session:
        those = pauses.named(session, "Elm Street")
        pauses.begin(session, those, by="Kim Invented", reason="<closed>", until=until, now=now)
    shown = client.get(page).text
    assert "paused by Kim Invented" in shown
    assert "&lt;closed&gt;" in shown
    assert 'class="banner alarm"' not in shown
    assert client.get("/health/ready").status_code == 200
