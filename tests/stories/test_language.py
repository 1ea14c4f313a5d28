"""A language is off until a clinic's reviewer signs its words; until then English, and a person hears."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from typing import Any
from uuid import UUID

import pytest

from db import work_items
from db.engine import writing
from db.tables import AuditEntry, Clinic, WordingSignature
from schedules import library
from service.errors import Refused
from service.flows import reminders, wordings
from service.messages import catalogues
from tests.stories.conftest import Practice

PROTOCOL = library.protocol("azathioprine-us-label")
NINE = datetime(2026, 1, 11, 14, tzinfo=UTC)  # the first reminder, 09:00 in New York
NEXT = NINE + timedelta(days=1)


def someone(practice: Practice, language: str, *audiences: str) -> UUID:
    patient = practice.patient(language=language)
    for audience in audiences or ("patient",):
        practice.contact(patient, audience=audience)
    practice.course(patient, PROTOCOL, date(2026, 1, 5))
    return patient


def said(practice: Practice, at: datetime) -> list[str]:
    practice.clock.wind(at)
    reminders.tick(practice.engine, practice.clock, practice.channels)
    return [row.body for row in practice.messages if row.body and row.accepted_at == at]


def sign(practice: Practice, language: str = "es", by: str = "Dr. Ana Ruiz") -> int:
    with writing(practice.engine) as session:
        clinic = session.get(Clinic, practice.clinic_id)
        assert clinic is not None
        return wordings.sign(session, clinic, language, by=by, now=practice.clock())


def asked(practice: Practice) -> list[Any]:
    return [row for row in practice.work if row.kind == "language-not-signed"]


def test_spanish_is_off_until_it_is_signed(practice: Practice) -> None:
    patient = someone(practice, "es")
    [before] = said(practice, NINE)
    assert "Your appointment is due by Monday 12 January 2026." in before
    [work] = asked(practice)
    assert (work.patient_id, work.level, work.role, work.state) == (patient, "routine", "coordinator", "open")
    assert sign(practice) == 1
    [after] = said(practice, NEXT)
    assert "Su cita debe hacerse: la fecha prevista es el lunes 12 de enero de 2026." in after
    [work] = asked(practice)
    assert (work.state, work.outcome) == ("done", "es was signed by Dr. Ana Ruiz")


def test_english_needs_no_signature(practice: Practice) -> None:
    someone(practice, "en-GB")
    [text] = said(practice, NINE)
    assert "Your appointment" in text
    assert asked(practice) == []


def test_a_language_that_nobody_wrote_is_english_and_a_person_hears(practice: Practice) -> None:
    someone(practice, "fr")
    [text] = said(practice, NINE)
    assert "Your appointment" in text
    assert [work.key.rpartition("/")[0] for work in asked(practice)] == ["language/fr/none"]


def test_a_region_speaks_its_language(practice: Practice) -> None:
    someone(practice, "es-MX")
    sign(practice)
    [text] = said(practice, NINE)
    assert text.startswith("Elm Street: Su cita")
    assert asked(practice) == []


def test_a_person_hears_once_for_each_patient(practice: Practice) -> None:
    patient = someone(practice, "es", "patient", "carer")
    assert len(said(practice, NINE)) == 2
    [work] = asked(practice)
    assert (work.patient_id, work.raised) == (patient, 1)
    with writing(practice.engine) as session:
        work_items.finish(session, [(work.clinic_id, work.key)], outcome="English will do", now=NINE)
    said(practice, NEXT)
    assert [(row.raised, row.state) for row in asked(practice)] == [(1, "done")]


def test_a_word_that_changed_needs_another_signature(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone(practice, "es")
    sign(practice)
    text = resources.files("service").joinpath("messages", "es.toml").read_text("utf-8")
    changed = catalogues.parse(text.replace("Nuestro teléfono:", "Tel."), where="es.toml")
    monkeypatch.setattr(catalogues, "every", _every(es=changed))
    [text] = said(practice, NINE)
    assert "Your appointment" in text
    assert len(asked(practice)) == 1
    sign(practice, by="Dr. Luz Gil")
    [text] = said(practice, NEXT)
    assert "Tel. +1 202-555-0100." in text


def test_h58_a_catalogue_that_cannot_be_read_claims_and_sends_nothing(
    practice: Practice, monkeypatch: pytest.MonkeyPatch
) -> None:
    someone(practice, "en")

    def broken() -> Any:
        raise catalogues.CatalogueError("es.toml: carer.ahead: Field required")

    with monkeypatch.context() as patch:
        patch.setattr(catalogues, "every", broken)
        with pytest.raises(catalogues.CatalogueError):
            said(practice, NINE)
    assert {(row.state.value, row.attempts) for row in practice.messages} == {("waiting", 0)}
    assert len(said(practice, NINE)) == 1


def _every(**changed: catalogues.Catalogue) -> Callable[[], dict[str, catalogues.Catalogue]]:
    found = {**catalogues.every(), **changed}
    return lambda: found


def test_one_clinics_signature_is_not_anothers(practice: Practice) -> None:
    oak = Practice(practice.engine, practice.clock)
    with writing(oak.engine) as session:
        row = {"id": oak.clinic_id, "name": "Oak Lane", "phone": "1", "emergency_number": "112"}
        session.add(Clinic(**row, time_zone="America/New_York", created_at=oak.clock()))
    someone(practice, "es")
    someone(oak, "es")
    said(practice, NINE)
    assert sign(oak) == 1
    texts = said(practice, NEXT)
    assert sorted(text.split(" ")[2] for text in texts) == ["Su", "Your"]
    assert {(row.clinic_id, row.state) for row in asked(practice)} == {
        (practice.clinic_id, "open"),
        (oak.clinic_id, "done"),
    }


def test_a_signature_is_kept_with_its_words_and_cannot_be_given_twice(practice: Practice) -> None:
    sign(practice)
    with pytest.raises(Refused, match=r"es was signed for Elm Street by Dr\. Ana Ruiz, in these very words"):
        sign(practice, by="Somebody Else")
    with pytest.raises(Refused, match="there is no wording in that language: use one of en, es"):
        sign(practice, "fr")
    [row] = practice.rows(WordingSignature)
    assert (row.language, row.hash, row.by) == ("es", catalogues.every()["es"].hash, "Dr. Ana Ruiz")
    [entry] = practice.rows(AuditEntry)
    assert (entry.actor, entry.action, entry.subject_id) == ("Dr. Ana Ruiz", "wording sign", "es")
