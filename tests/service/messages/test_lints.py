"""Every message of every language, with ordinary and with the worst data (hazards H22, H31, H58, H69)."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, time
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from schedules import library
from service import messages
from service.messages import Sender, catalogues, specimens
from service.messages.specimens import Specimen
from tests.service.messages import gsm

GOLDEN = Path(__file__).parent / "golden"
LANGUAGES = list(catalogues.every())
LONGEST = Sender("W" * messages.LONGEST_NAME, "2" * messages.LONGEST_NUMBER, "9" * messages.LONGEST_NUMBER)
MOST_PARTS = {"gsm-7": 6, "ucs-2": 14}  # everything at once
MOST_OF_ONE = {"gsm-7": 3, "ucs-2": 7}
LATE = time(12, 59)

RELATIVE = {
    "en": "today|tonight|tomorrow|yesterday|now|soon|next|last|this (week|month|morning)|ago|later|"
    "in \\d+ days?",
    "es": "hoy|mañana|ayer|anoche|ahora|pronto|próxim[oa]|pasad[oa]|est[ae] (semana|mes|noche)|hace|"
    "dentro de|luego",
}
CONDITIONS = (
    "transplant|trasplante|arthritis|artritis|rheumat|reumat|lupus|crohn|colitis|bowel|intestin|psoria|"
    "leuk|leuc|cancer|cáncer|tumou?r|hiv|vih|aids|sida|hepatitis|liver|hígado|kidney|riñón|marrow|médula|"
    "an(a)?emia|sclerosis|esclerosis|myasthenia|miastenia|asthma|asma|immun|inmun|chemo|quimio|toxi|"
    "disease|enfermedad|diagnos"
)
MEDICINES = (  # what the packaged protocols do not name themselves: brands, other languages, classes
    "imuran|imurel|azasan|jayempi|purinethol|puri-nethol|xaluprine|purixan|azatioprina|mercaptopurina|"
    "thiopurin|tiopurin|metotrexat|methotrexate|6-mp|steroid|esteroide"
)


@cache
def all_days(language: str) -> tuple[tuple[date, str], ...]:
    days = [date(2026, month, day) for month in range(1, 13) for day in range(1, 29)]
    return tuple((day, catalogues.every()[language].dates.written(day)) for day in days)


def worst_day(language: str) -> date:
    return max(all_days(language), key=lambda found: len(found[1]))[0]


def every(language: str) -> Iterator[Specimen]:
    yield from specimens.specimens(language)
    yield from specimens.specimens(language, sender=LONGEST, day=worst_day(language), at=LATE)


def banned(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b({pattern})", re.IGNORECASE)


def wrong(language: str, pattern: str) -> list[str]:
    said = [text for found in every(language) for text in (found.text.subject, found.text.body)]
    return [text for text in said if banned(pattern).search(text)]


def sentences(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        yield from (text for value in node.values() for text in sentences(value))
    else:
        yield from (node,) if isinstance(node, str) else node


@pytest.mark.parametrize("language", LANGUAGES)
def test_H31_every_date_is_absolute(language: str) -> None:
    assert wrong(language, f"({RELATIVE[language]})\\b") == []
    for specimen in specimens.specimens(language):
        assert specimens.DAY.strftime("%Y") in specimen.text.body
        assert catalogues.every()[language].dates.written(specimens.DAY) in specimen.text.body


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_two_days_are_written_the_same(language: str) -> None:
    written = [text for _, text in all_days(language)]
    assert len(set(written)) == len(written)


@pytest.mark.parametrize("language", LANGUAGES)
def test_H69_no_medicine_is_named(language: str) -> None:
    known = library.protocols().values()
    named = {str(code) for protocol in known for code in protocol.medicine.model_dump().values() if code}
    assert {"azathioprine", "L04AX01", "mercaptopurine"} <= named
    assert wrong(language, "|".join([*map(re.escape, sorted(named)), MEDICINES])) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_H69_the_page_names_no_medicine_and_no_condition(language: str) -> None:
    said = specimens.words_of_the_page(language)
    assert len(said) > 40
    assert [text for text in said if banned(f"{MEDICINES}|{CONDITIONS}").search(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_H69_no_condition_is_named(language: str) -> None:
    assert wrong(language, CONDITIONS) == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_H69_a_subject_and_a_neutral_text_do_not_say_blood(language: str) -> None:
    blood = re.compile("blood|test|sangre|análisis|treat|tratamiento", re.IGNORECASE)
    for specimen in every(language):
        assert not blood.search(specimen.text.subject)
        if "neutral" in specimen.name:
            assert not blood.search(specimen.text.body), specimen.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_says_whom_to_call(language: str) -> None:
    for specimen in specimens.specimens(language):
        for needed in (specimens.SENDER.clinic, specimens.SENDER.phone, specimens.SENDER.emergency_number):
            assert needed in specimen.text.body, specimen.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_H22_the_longest_fits_and_loses_no_sign(language: str) -> None:
    declared = catalogues.every()[language].sms
    for specimen in every(language):
        body, several = specimen.text.body, "," in specimen.name.partition(":")[2]
        most = (MOST_PARTS if several else MOST_OF_ONE)[declared]
        count = gsm.parts(body)
        assert count <= most, f"{specimen.name}: {len(body)} signs are {count} parts in {declared}: {body}"
        if declared == "gsm-7":
            lost = sorted(set(body) - gsm.BASIC - gsm.EXTENSION)
            assert lost == [], f"{specimen.name}: not in GSM-7: {lost}"
        assert max(map(ord, body)) <= 0xFFFF, specimen.name
        assert unicodedata.normalize("NFC", body) == body, specimen.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_declared_alphabet_is_the_one_that_is_needed(language: str) -> None:
    needed = {gsm.alphabet(specimen.text.body) for specimen in every(language)}
    assert max(needed) == catalogues.every()[language].sms  # "ucs-2" sorts last


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_are_clean(language: str) -> None:
    words = catalogues.every()[language]
    for text in sentences(words.model_dump()):
        assert text == " ".join(text.split()), text
        assert not re.search(r"[<>&]|https?:", text), text
    for voice in (words.patient, words.carer):
        said = [voice.ahead, voice.due, voice.overdue, voice.booked, *sentences(voice.advice.model_dump())]
        assert [text for text in [*said, words.phone, words.emergency] if not text.endswith(".")] == []
        assert [text for text in sentences(voice.things.model_dump()) if text.endswith((".", ","))] == []
    for specimen in every(language):
        assert not re.search(r"\s\s|\.\.|[{}]|^\s|\s$", specimen.text.body), specimen.name


def test_H58_languages_have_the_same_messages() -> None:
    names = [[specimen.name for specimen in specimens.specimens(language)] for language in LANGUAGES]
    assert len(names[0]) == 2 * 2 * (4 * 3 + 1 + 3 + 1)
    assert all(found == names[0] for found in names)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        (f"({RELATIVE['en']})\\b", "Your test is tomorrow."),
        (f"({RELATIVE['en']})\\b", "Come in 3 days."),
        (f"({RELATIVE['es']})\\b", "Su cita es mañana."),
        (CONDITIONS, "The Transplants clinic."),
        (CONDITIONS, "Su enfermedad."),
        (MEDICINES, "Your Imuran."),
    ],
)
def test_a_lint_finds_what_it_is_for(pattern: str, text: str) -> None:
    assert banned(pattern).search(text)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_as_it_was_read(language: str) -> None:
    """Read the difference, then: nextcount wording show LANG > tests/service/messages/golden/LANG.txt"""
    assert specimens.page(language) == (GOLDEN / f"{language}.txt").read_text("utf-8")


def test_every_golden_page_is_of_a_language() -> None:
    assert sorted(path.stem for path in GOLDEN.iterdir()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_H69_a_check_in_names_no_medicine_that_is_watched_and_no_condition(language: str) -> None:
    said = specimens.words_of_check_ins(language)
    assert len(said) > 80
    named = "|".join(sorted({protocol.medicine.name for protocol in library.protocols().values()}))
    assert [text for text in said if banned(f"{named}|{MEDICINES}|{CONDITIONS}").search(text)] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_that_a_patient_reads_tells_to_stop_a_medicine(language: str) -> None:
    said = [*specimens.words_of_check_ins(language), *specimens.words_of_the_page(language)]
    told = re.compile(
        r"(?<!not )(?<!or )\b(stop|pause|skip|change|reduce) (taking |the |your )+(tablets?|medicine|dose)|"
        r"(?<!no )(?<!ni )\b(deje|suspenda|cambie|reduzca) (de tomar |sus |la |el )+(pastillas|medic|dosis)",
        re.IGNORECASE,
    )
    assert [text for text in said if told.search(text)] == []
    assert told.search("Please stop taking your tablets.")
    assert told.search("Deje de tomar sus pastillas.")


ANSWER_WORDS = re.compile(
    r"(?i:\b(reply|text us|text back|respond|answer|responda|conteste|envíe)\b[^.]*"
    r"\b(help|yes|no|stop|start|cancel|end|quit|unsubscribe|ayuda|sí|alto|parar|baja)\b)|"
    r"\b(HELP|YES|STOP|START|CANCEL|END|QUIT|AYUDA|ALTO|BAJA)\b|[\"“]?\b[0-9]\b[\"”]? (for|para) "
)


@pytest.mark.parametrize("language", LANGUAGES)
def test_H55_no_message_asks_for_a_word_that_a_carrier_keeps(language: str) -> None:
    """There is no inbound text message: what is answered is answered on the page of the link."""
    said = [specimen.text.body for specimen in every(language)]
    assert [text for text in said if ANSWER_WORDS.search(text)] == []
    for asked in (
        "Reply YES to confirm.",
        "Text STOP",
        "Answer no if you feel well.",
        "Responda sí.",
        "1 for yes",
    ):
        assert ANSWER_WORDS.search(asked), asked
