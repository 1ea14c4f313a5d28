"""Every sentence we send, one catalogue per language; `render` fills it at sending."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

FALLBACK = "en"


@dataclass(frozen=True, slots=True)
class Line:
    """One reminder to be said: what is asked, how it stands, by which day."""

    kind: str  # test, visit, check-in, dose
    tone: str  # ahead, due, overdue, booked
    due_on: date


@dataclass(frozen=True, slots=True)
class Sender:
    clinic: str
    phone: str
    emergency_number: str


@dataclass(frozen=True, slots=True)
class Text:
    subject: str
    body: str


@cache
def catalogue(language: str) -> Mapping[str, Any]:
    """The catalogue of a language, or the English one where there is none."""
    folder = resources.files("service").joinpath("messages")
    names = {file.name for file in folder.iterdir()}
    name = f"{language}.toml" if f"{language}.toml" in names else f"{FALLBACK}.toml"
    return tomllib.loads(folder.joinpath(name).read_text("utf-8"))


def render(sender: Sender, lines: Sequence[Line], *, audience: str, language: str, wording: str) -> Text:
    """All that is to be said to one person now, in one message. ValueError when the clinic has no phone."""
    if not sender.phone or not sender.emergency_number:
        raise ValueError("a clinic without a phone and an emergency number cannot send")
    words = catalogue(language)
    said = dict.fromkeys(_sentence(words, line, audience=audience, wording=wording) for line in lines)
    names = {"clinic": sender.clinic, "phone": sender.phone, "emergency": sender.emergency_number}
    close = [words["close"][part].format(**names) for part in ("phone", "emergency")]
    return Text(subject=words["subject"][audience].format(**names), body=" ".join([*said, *close]))


def _sentence(words: Mapping[str, Any], line: Line, *, audience: str, wording: str) -> str:
    thing = words["things"][line.kind if wording == "blood-test" else "neutral"]
    sentence: str = words[audience][line.tone].format(thing=thing, due=written(line.due_on, words))
    return sentence


def written(day: date, words: Mapping[str, Any]) -> str:
    """An absolute date in the catalogue's own words, whatever the machine's locale."""
    parts = {"weekday": words["weekdays"][day.weekday()], "month": words["months"][day.month - 1]}
    sentence: str = words["date"].format(day=day.day, year=day.year, **parts)
    return sentence
