"""A laboratory's analyte, value and unit as a figure in the analyte's own unit, or why it is none."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache

from schedules import analytes, limits
from schedules.limits import Refusal
from service.ingest.cells import Refused

NUMBER = re.compile(r"([<>≤≥~]=?\s*)?[+-]?\d{1,12}(\.\d{1,12})?", re.ASCII)
LOINC = re.compile(r"(\d{1,7})-(\d)", re.ASCII)
REMEDIES = {
    limits.SENTENCES[Refusal.COMPARATOR]: "send the figure itself if there is one",
    limits.SENTENCES[Refusal.UNKNOWN_ANALYTE]: "look whether it has another code there",
}
PLAIN = "write a plain number, as 3.5, or a bound, as <0.2"


@dataclass(frozen=True, slots=True)
class Figure:
    value: Decimal | None
    refusal: Refusal | None = None

    @property
    def unusable(self) -> str | None:
        return limits.SENTENCES[self.refusal] if self.refusal else None


def analyte(text: str) -> str:
    """The library's id of an analyte given by id or code; a LOINC code that the library has not, as it is."""
    name = text.strip()
    if name in analytes.analytes():
        return name
    if known := _by_code().get(name):
        return known
    if not _is_loinc(name):
        raise Refused("there is no such analyte", "use an id of the library or a LOINC code")
    return name


@cache
def _by_code() -> Mapping[str, str]:
    return {
        code: name for name, known in analytes.analytes().items() for code in (*known.loinc, *known.snomed)
    }


def _is_loinc(code: str) -> bool:
    """Whether the check digit (the Luhn sum) is right."""
    found = LOINC.fullmatch(code)
    if found is None:
        return False
    digits = [int(digit) for digit in reversed(found[1])]
    total = sum(digit if place % 2 else sum(divmod(digit * 2, 10)) for place, digit in enumerate(digits))
    return (total + int(found[2])) % 10 == 0


def figure(name: str, text: str, unit: str) -> Figure:
    """Refused when the text is no number at all; any other reason leaves a figure that cannot be used."""
    if "," in text:
        raise Refused(*advice(limits.SENTENCES[Refusal.DECIMAL_COMMA]))
    if not NUMBER.fullmatch(text.strip()):
        raise Refused("the value is not a number", PLAIN)
    found = limits.convert(name, text, unit)
    return Figure(None, found) if isinstance(found, Refusal) else Figure(found)


def advice(sentence: str) -> tuple[str, str]:
    """A reason as what is wrong with a figure, and how to put it right."""
    what, _, remedy = sentence.partition(": ")
    return what, remedy or REMEDIES.get(sentence, "correct it")
