"""What to look at when a medicine or vaccine is added beside one of the library: `interactions.toml`."""

import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from pydantic import Field

from schedules.fields import Code, Evidence, Id, Level, Model, Source, Text
from schedules.protocol import Medicine


class Other(Model):
    """What is flagged. An ATC code may be a class; names are whole words, in small letters."""

    id: Id
    names: tuple[Text, ...] = Field(min_length=1)
    rxnorm: tuple[Code, ...] = ()
    snomed: tuple[Code, ...] = ()
    atc: tuple[Code, ...] = ()

    def is_(self, medicine: Medicine) -> bool:
        by_code = medicine.rxnorm in self.rxnorm or medicine.snomed in self.snomed
        by_class = (medicine.atc or "").startswith(self.atc) if self.atc else False
        return by_code or by_class or any(_names(name, medicine.name) for name in self.names)


class Interaction(Model):
    medicines: tuple[Text, ...] = Field(min_length=1)
    by_analogy: tuple[Text, ...] = ()
    other: Other
    level: Level
    sentence: Text
    source: Source
    note: Text | None = None

    def evidence(self, medicine: str) -> Evidence | None:
        """How well it is known of this medicine; None when nothing is said of it."""
        if any(_names(name, medicine) for name in self.medicines):
            return self.source.evidence
        return "memory" if any(_names(name, medicine) for name in self.by_analogy) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Two medicines together that a person must look at, how soon, and why."""

    medicine: str
    other: str
    level: Level
    sentence: str
    source: Source
    evidence: Evidence
    interaction: str


def _names(word: str, text: str) -> bool:
    return re.search(rf"(?<![a-z0-9]){re.escape(word)}(?![a-z0-9])", text.casefold()) is not None


@cache
def interactions() -> tuple[Interaction, ...]:
    text = resources.files("schedules").joinpath("library", "interactions.toml").read_text("utf-8")
    return tuple(Interaction.model_validate(entry) for entry in tomllib.loads(text)["interactions"])


def between(medicines: Iterable[Medicine], other: Medicine) -> tuple[Finding, ...]:
    """What the library says of `other` beside each medicine, whichever of the two the source names first.

    `other` may be a protocol's medicine, or what a patient wrote as its name alone. Nothing found means
    "not known here", never "no interaction".
    """
    beside = list(medicines)
    found = [*_found(beside, [other]), *_found([other], beside)]
    return tuple(dict.fromkeys(found))


def _found(medicines: Iterable[Medicine], others: Iterable[Medicine]) -> list[Finding]:
    pairs = [(medicine, other) for medicine in medicines for other in others]
    return [
        Finding(
            medicine=medicine.name, other=other.name, level=row.level, sentence=row.sentence,
            source=row.source, evidence=evidence, interaction=row.other.id,
        )
        for medicine, other in pairs for row in interactions()
        if (evidence := row.evidence(medicine.name)) is not None and row.other.is_(other)
    ]  # fmt: skip
