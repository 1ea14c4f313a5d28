"""What the database refuses for now is never a page's fault: 503, and it is asked again."""

import pytest
import sqlalchemy as sa
from sqlmodel import Session
from starlette.testclient import TestClient

from db import totals
from service.app import create_app
from tests.stories.conftest import Practice

PASSING = {
    "40001": "a transaction that cannot be put in order",
    "40P01": "a deadlock",
    "55P03": "a lock that was waited for",
    "57014": "a statement that took too long",
    "53200": "no memory",
    "53100": "no room on the disk",
}


@pytest.mark.parametrize("state", PASSING)
@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_the_front_page_says_that_the_database_cannot_be_reached(
    practice: Practice, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    def refused(session: Session, **_: object) -> None:
        session.execute(sa.text(f"DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '{state}'; END $$"))

    client = TestClient(create_app(practice.engine, practice.clock), base_url="http://localhost")
    assert client.get("/").status_code == 200
    with monkeypatch.context() as patch:
        patch.setattr(totals, "counted", refused)
        answer = client.get("/")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert client.get("/").status_code == 200
