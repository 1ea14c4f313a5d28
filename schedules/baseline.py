"""What must be there before a first dose: what is measured, and what a person attests."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Self

from pydantic import StrictBool, model_validator

from schedules import analytes
from schedules.fields import Cited, Id, Text, When, Wrong


@cache
def facts() -> Mapping[str, str]:
    """The titles of what a person attests, by id: the library's `baseline.toml`."""
    text = resources.files("schedules").joinpath("library", "baseline.toml").read_text("utf-8")
    return MappingProxyType({name: entry["title"] for name, entry in tomllib.loads(text)["facts"].items()})


class Baseline(Cited):
    """One thing that a protocol asks for before the first dose.

    An id of `analytes.toml` is measured; one of `baseline.toml`, or one with a title of its own, is attested.
    """

    id: Id
    required: StrictBool
    title: Text | None = None
    when: When = When()

    @model_validator(mode="after")
    def _known(self) -> Self:
        if not self.measured and self.id not in facts() and self.title is None:
            raise Wrong("title", "is missing: the library has no analyte, panel or fact of this id")
        return self

    @property
    def measured(self) -> bool:
        return self.id in analytes.panels() or self.id in analytes.analytes()

    @property
    def components(self) -> frozenset[str]:
        """The analytes that must have a value; none when a person attests it."""
        return analytes.components([self.id]) if self.measured else frozenset()

    @property
    def name(self) -> str:
        """Its title for people: its own, else the library's."""
        if self.title is not None:
            return self.title
        if self.id in analytes.panels():
            return " and ".join(analytes.analyte(part).title for part in analytes.panels()[self.id])
        return analytes.analyte(self.id).title if self.measured else facts()[self.id]


def missing(
    asked: Iterable[Baseline], *, measured: Collection[str], attested: Collection[str],
    indication: str | None = None, flags: Iterable[str] = (),
) -> tuple[Baseline, ...]:  # fmt: skip
    """What is not there yet, the required first: by the analytes with a value and the ids attested."""
    named = frozenset(flags)
    apply = [one for one in asked if one.when.holds(indication, named) and one.id not in attested]
    absent = [one for one in apply if not one.measured or not one.components <= set(measured)]
    return tuple(sorted(absent, key=lambda one: not one.required))
