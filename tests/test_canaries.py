"""The watch over the whole suite sees what it is there for."""

import structlog
from fastapi import FastAPI
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.testclient import TestClient

from tests.canaries import Watch


def out() -> FastAPI:
    app = FastAPI()
    app.get("/failed")(lambda: PlainTextResponse("no test of Ada Invented", 404))
    app.get("/moved")(lambda: RedirectResponse("/patients?name=Ada+Invented"))
    return app


def test_the_watch_sees_a_patients_words_in_logs_answers_and_addresses(
    no_canary_is_out: Watch,
) -> None:
    log = structlog.get_logger()
    client = TestClient(out(), follow_redirects=False)
    log.info("request", route="/v1/patients", error="Ada Invented")
    log.info("request", name="Ada Invented")  # what is not let through is not seen
    for path in ("/failed", "/moved"):
        client.get(path)
    assert [told.partition(":")[0] for told in no_canary_is_out.told] == [
        "Invented in a log",
        "Invented in an answer 404",
        "Invented in the location of GET",
    ]
    no_canary_is_out.told.clear()
