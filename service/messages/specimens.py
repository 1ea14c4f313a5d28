"""Every message there can be in a language, filled with invented data: what a reviewer reads and signs."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, time
from typing import Any

from service import messages
from service.messages import Line, Sender, Text, catalogues

SENDER = Sender("Elm Street", "+1 202-555-0100", "911")
LINK = "https://clinic.example/p/AZr2mF3ecHWYt0bQyJ5xKg.8fTqfN3pHs1cWm0vRz6XyA"
DAY, AT = date(2026, 1, 12), time(14, 30)
KINDS = ("test", "visit", "dose", "check-in")
BOOKED = ("visit", "booked")  # nothing else has an appointment
CASES = (
    *(((kind, tone),) for kind in KINDS for tone in messages.TONES[:-1]),
    (BOOKED,),
    *(tuple((kind, tone) for kind in KINDS) for tone in messages.TONES[:-1]),
    (("test", "overdue"), ("dose", "due"), ("check-in", "ahead"), BOOKED),
)


@dataclass(frozen=True, slots=True)
class Specimen:
    name: str
    text: Text


def specimens(
    language: str, *, sender: Sender = SENDER, day: date = DAY, at: time = AT
) -> Iterator[Specimen]:
    """One line of every kind and tone, and several in one message, for each audience and wording."""
    for audience, wording in itertools.product(("patient", "carer"), ("neutral", "blood-test")):
        for case in CASES:
            lines = [Line(kind, tone, day, at) for kind, tone in case]
            text = messages.render(
                sender, lines, audience=audience, language=language, wording=wording, link=LINK
            )
            told = ", ".join(f"{kind} {tone}" for kind, tone in case)
            yield Specimen(f"{audience}, {wording}: {told}", text)


def page(language: str) -> str:
    """All specimens as a text to be read; those that say the same once; then the words of the page."""
    names: dict[Text, list[str]] = {}
    for specimen in specimens(language):
        names.setdefault(specimen.text, []).append(specimen.name)
    blocks = (
        "\n".join([*(f"# {name}" for name in said), f"[{text.subject}]", text.body])
        for text, said in names.items()
    )
    page_, check_in = words_of_the_page(language), words_of_check_ins(language)
    told = ["# the page that a message leads to", *page_, "# its check-in", *check_in]
    return "\n\n".join([*blocks, *told]) + "\n"


def words_of_the_page(language: str) -> list[str]:
    filled = {"clinic": SENDER.clinic, "phone": SENDER.phone, "emergency": SENDER.emergency_number}
    words = catalogues.every()[language].page.model_dump()
    return [f"{name}: {text.format(**filled)}" for name, text in words.items()]


def words_of_check_ins(language: str) -> list[str]:
    filled = {"clinic": SENDER.clinic, "phone": SENDER.phone, "emergency": SENDER.emergency_number}
    whole = catalogues.every()[language]
    words = {"check-in": whole.check_in.model_dump(by_alias=True), "reports": whole.reports.model_dump()}
    return [f"{name}: {text.format(**filled)}" for name, text in _leaves(words)]


def _leaves(node: Mapping[str, Any], where: str = "") -> Iterator[tuple[str, str]]:
    for name, value in node.items():
        if isinstance(value, str):
            yield f"{where}{name}", value
        else:
            yield from _leaves(value, f"{where}{name}, ")
