"""What a medicine is given for, with pinned SNOMED CT codes: the library's `indications.toml`."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Literal, Self

from pydantic import model_validator

from schedules.fields import Code, Evidence, Model, Text, Wrong


class Indication(Model):
    title: Text
    snomed: Code | None = None
    evidence: Evidence | None = None
    limits: Literal["packaged", "own"] = "packaged"
    note: Text | None = None

    @model_validator(mode="after")
    def _says_how_it_knows(self) -> Self:
        if (self.snomed is None) != (self.evidence is None):
            raise Wrong("evidence", "a code has its evidence, and nothing else has")
        if self.snomed is None and self.note is None:
            raise Wrong("note", "is missing: say why there is no code")
        return self

    @property
    def own_limits(self) -> bool:
        """Whether only a clinic's own protocol judges its results."""
        return self.limits == "own"


@cache
def indications() -> Mapping[str, Indication]:
    """The library's indications by id. A clinic may name others: they have no code here."""
    text = resources.files("schedules").joinpath("library", "indications.toml").read_text("utf-8")
    entries = tomllib.loads(text)["indications"]
    return MappingProxyType({name: Indication.model_validate(entry) for name, entry in entries.items()})
