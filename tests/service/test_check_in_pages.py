"""The question set on a patient's page: the emergency first, every question, and at once what to do."""

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from db.engine import writing
from db.tables import AuditEntry, CheckIn, Reply, UserRole
from schedules import library
from service.app import create_app
from service.flows import users
from service.messages import catalogues
from tests.service.test_patient_pages import BORN, LINKS, fields, read
from tests.service.test_patient_pages import link as link  # a fixture
from tests.stories.conftest import Practice
from tests.stories.test_check_ins import ASKED, WELL, ask


@pytest.fixture
def client(practice: Practice) -> Iterator[TestClient]:
    app = create_app(practice.engine, practice.clock, links=LINKS)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as found:
        yield found


def send(client: TestClient, link: str, **answers: str) -> str:
    mine = fields(read(client.post(link, data=BORN)))
    return read(client.post(f"{link}/check-in", data=mine | WELL | answers)).words


def test_where_it_is_off_the_page_asks_its_one_question(client: TestClient, link: str) -> None:
    page = read(client.post(link, data=BORN))
    assert "Do you have any new or worse problem?" in page.words
    assert "How are you?" not in page.words


def test_the_emergency_is_first_and_every_question_is_a_fieldset(
    client: TestClient, practice: Practice, link: str
) -> None:
    ask(practice)
    page = read(client.post(link, data=BORN))
    words = catalogues.every()["en"].check_in
    assert (
        page.words.index("Call 911 at once")
        < page.words.index("What is due")
        < page.words.index("How are you?")
    )
    assert "told to the person on duty at Elm Street" in page.words
    assert "have not been validated" in page.words
    asked = [words.questions[question.id].ask for question in ASKED.questions]
    places = [page.words.index(sentence) for sentence in asked]
    assert places == sorted(places)
    radios = [
        field
        for field in page.all("input")
        if str(field.get("name")).startswith("q.") and "required" in field
    ]
    assert len(radios) == sum(len(question.choices) for question in ASKED.questions)
    assert page.all("script") == []


def test_a_red_answer_is_told_what_to_do_in_the_same_answer(
    client: TestClient, practice: Practice, link: str
) -> None:
    ask(practice)
    said = send(client, link, **{"q.bleeding": "heavy"})
    assert said.index("Call 911 at once") < said.index("Call 911 now") < said.index("What is due")
    assert "Your answers are with Elm Street." in said
    assert said.count("Call 911 at once") == 1
    assert [(row.kind, row.level) for row in practice.work] == [("check-in", "emergency")]


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ({}, "Nothing in your answers needs a call today."),
        ({"q.vomiting": "eats-less"}, "A person at Elm Street will be in touch within 24 hours."),
        ({"q.fever": "fever"}, "A person at Elm Street looks at this today."),
        ({"q.contact": "contact", "q.contact.on": "2026-01-09"}, "Do not wait for blisters."),
        ({"q.pregnancy": "yes"}, "Do not stop your tablets by yourself"),
        ({"q.doses": "stopped"}, "do not change anything before you have spoken to us"),
    ],
)
def test_every_level_and_matter_has_its_advice(
    client: TestClient, practice: Practice, link: str, answers: dict[str, str], sentence: str
) -> None:
    ask(practice)
    said = send(client, link, **answers)
    assert sentence in said
    assert said.index(sentence) < said.index("What is due")


def test_a_page_that_was_open_too_long_says_so(client: TestClient, practice: Practice, link: str) -> None:
    ask(practice)
    page = read(client.post(f"{link}/check-in", data=WELL | {"opened": "x"}))
    assert "The page was open for too long, and nothing was sent." in page.words
    assert practice.rows(CheckIn) == []


def test_no_word_breaks_the_page_and_none_is_lost(client: TestClient, practice: Practice, link: str) -> None:
    ask(practice)
    odd = "<script>\0 ' 😟" * 40
    said = send(
        client, link, **dict.fromkeys(("q.other.text", "q.fever", "q.fever.number", "q.contact.on"), odd)
    )
    assert "A person at Elm Street looks at this today." in said
    assert practice.rows(Reply) == []


def test_staff_read_the_answers_with_their_reasons_and_it_is_audited(
    client: TestClient, practice: Practice, link: str
) -> None:
    ask(practice)
    send(client, link, **{"q.fever": "fever", "q.other": "yes", "q.other.text": "tired"})
    with writing(practice.engine) as session:
        key = users.add(
            session,
            "Kim Nurse",
            UserRole.CLINICIAN,
            clinic_id=practice.clinic_id,
            by="a test",
            now=practice.clock(),
        )
    [patient] = {row.patient_id for row in practice.items}
    held = {"Authorization": f"Bearer {key}"}
    [found] = client.get(f"/v1/patients/{patient}/check-ins", headers=held).json()["items"]
    assert (found["level"], found["bound"]) == ("same-day", "unasked")
    assert found["reasons"][0]["sentence"] == "Fever or temperature: fever."
    assert found["work_item_id"] == str(practice.work[-1].id)
    [other] = [answer for answer in found["answers"] if answer["question"] == "other"]
    assert (other["title"], other["text"]) == ("Anything else that worries the patient", "tired")
    assert [row.actor for row in practice.rows(AuditEntry) if row.action == "read check-ins"] == ["Kim Nurse"]
    off = client.post("/v1/check-ins/switch", json={"on": False}, headers=held).json()
    assert (off["on"], off["by"], off["set_version"]) == (False, "Kim Nurse", library.question_set().version)


def test_everything_can_be_reported_at_any_time(client: TestClient, practice: Practice, link: str) -> None:
    page = read(client.post(link, data=BORN))
    mine, words = fields(page), catalogues.every()["en"].reports
    for kind in words.kinds.values():
        assert kind.title in page.words
    told = mine | {"kind": "stopped", "choice": "no-tablets", "on": "2026-01-10"}
    said = read(client.post(f"{link}/report", data=told)).words
    assert said.index("Call 911 at once") < said.index("A person at Elm Street looks at this today.")
    assert [row.kind for row in practice.work] == ["stop-told"]
    nothing = read(client.post(f"{link}/report", data=mine | {"kind": "weather", "choice": "rain"})).words
    assert "Nothing was sent: please choose one of the answers." in nothing
    assert len(practice.work) == 1


def test_H53_whoever_is_not_the_patient_says_so_without_a_birth_date(
    client: TestClient, practice: Practice, link: str
) -> None:
    assert "I am not the person whom you want to reach" in read(client.get(link)).words
    for answer in (client.post(f"{link}/wrong-number"), client.get(link), client.post(link, data=BORN)):
        words = read(answer).words
        assert "Nothing more will be sent to this address." in words
        assert "Show my page" not in words
    assert [row.kind for row in practice.work] == ["wrong-number"]


def test_H54_who_stopped_can_start_again_on_the_page(
    client: TestClient, practice: Practice, link: str
) -> None:
    assert "Messages again" not in read(client.get(link)).words
    assert "Messages again" in read(client.post(f"{link}/stop")).words
    assert "Stop all messages to me" not in read(client.get(link)).words
    assert "Messages will be sent to you again." in read(client.post(f"{link}/start")).words
    assert "Stop all messages to me" in read(client.get(link)).words


def test_a_clinician_decides_what_a_report_proposes(
    client: TestClient, practice: Practice, link: str
) -> None:
    mine = fields(read(client.post(link, data=BORN)))
    client.post(f"{link}/report", data=mine | {"kind": "reaction", "choice": "widespread", "text": "arms"})
    with writing(practice.engine) as session:
        key = users.add(
            session,
            "Kim",
            UserRole.CLINICIAN,
            clinic_id=practice.clinic_id,
            by="a test",
            now=practice.clock(),
        )
    held = {"Authorization": f"Bearer {key}"}
    patient, course = practice.items[0].patient_id, str(practice.items[0].course_id)
    [told] = client.get(f"/v1/patients/{patient}/check-ins", headers=held).json()["reports"]
    assert (told["proposes"], told["accepted"], told["text"]) == ("hold", None, "arms")
    yes = {"accept": True, "text": "planned", "course_id": course, "review_on": "2026-01-18"}
    answer = client.post(f"/v1/patient-reports/{told['id']}/decision", json=yes, headers=held)
    assert (answer.status_code, answer.json()["accepted"]) == (200, True)
    assert [row.held for row in practice.items] == [True]
