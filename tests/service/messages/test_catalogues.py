"""A catalogue is complete and exact, or it is not loaded."""

from importlib import resources

import pytest

from service.messages import catalogues
from service.messages.catalogues import CatalogueError

ENGLISH = resources.files("service").joinpath("messages", "en.toml").read_text("utf-8")
NINE = '"January", "February", "March", "April", "May", "June",'

WRONG = {
    "a key too many": ('language = "en"', 'language = "en"\nmood = "grim"', "mood: Extra inputs"),
    "a key too few": ('name = "English"\n', "", "name: Field required"),
    "a sentence too few": (
        'check-in = "Your check-in"\n',
        "",
        "patient.things.check-in: Field required",
    ),
    "an empty sentence": ('"Please call us."', '""', "carer.advice.overdue: String should have"),
    "a placeholder less": (
        '"{thing} is due by {day}."',
        '"{thing} is due."',
        "patient.ahead: it has other",
    ),
    "a placeholder more": (
        '"{clinic}:"',
        '"{clinic} {phone}:"',
        "opening: it has other placeholders",
    ),
    "a placeholder twice": (
        '"{clinic}:"',
        '"{clinic} {clinic}:"',
        "opening: it has other placeholders",
    ),
    "a look inside": ('"{clinic}:"', '"{clinic.__class__}:"', "opening: it has other placeholders"),
    "a format": ('"{clinic}:"', '"{clinic:>99}:"', "opening: it has other placeholders"),
    "a conversion": ('"{clinic}:"', '"{clinic!r}:"', "opening: it has other placeholders"),
    "an open brace": ('"{clinic}:"', '"{clinic:"', "opening: "),
    "half a year": (NINE, "", "dates.months: Tuple should have at least 12 items"),
    "half a day": ('["am", "pm"]', '["am"]', "dates: a time has"),
    "a time without halves": ('["am", "pm"]', "[]", "dates: a time has"),
    "another file's name": (
        'language = "en"',
        'language = "de"',
        "language: the file is named after it",
    ),
    "another alphabet": ('sms = "gsm-7"', 'sms = "ascii"', "sms: Input should be"),
    "no TOML": ("[patient]", "[patient", "this is not TOML"),
}


@pytest.mark.parametrize("name", WRONG)
def test_H57_H58_what_is_wrong_is_named_by_file_and_key(name: str) -> None:
    old, new, sentence = WRONG[name]
    assert old in ENGLISH
    with pytest.raises(CatalogueError) as refused:
        catalogues.parse(ENGLISH.replace(old, new), where="en.toml")
    assert str(refused.value).startswith(f"en.toml: {sentence}")


def test_H58_every_language_is_complete() -> None:
    """Each file was read into the same model, which has no optional sentence."""
    assert list(catalogues.every()) == ["en", "es"]


def test_a_language_of_a_region_is_the_language() -> None:
    found = [catalogues.closest(code) for code in ("es", "es-MX", "en-GB", "fr", "est")]
    assert [words.language if words else None for words in found] == ["es", "es", "en", None, None]


def test_another_word_is_another_hash_and_another_comment_is_not() -> None:
    whole = catalogues.parse(ENGLISH, where="en.toml").hash
    assert catalogues.parse(f"# Read twice.\n{ENGLISH}", where="en.toml").hash == whole
    assert catalogues.parse(ENGLISH.replace("call us", "ring us"), where="en.toml").hash != whole
