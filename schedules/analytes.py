"""Analytes, panels, codes, units and plausible ranges: the library's `analytes.toml`."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True, slots=True)
class Analyte:
    """One thing that is measured. Values are kept in `unit` (UCUM); `factors` turn other units into it."""

    id: str
    title: str
    unit: str
    loinc: tuple[str, ...]
    snomed: tuple[str, ...]
    factors: Mapping[str, Decimal]
    lowest: Decimal
    highest: Decimal

    def factor(self, unit: str) -> Decimal:
        """What a value in `unit` is multiplied by; ValueError when the unit is not known for this analyte."""
        ucum = _library().aliases.get(unit, unit)
        if ucum == self.unit:
            return Decimal(1)
        if ucum not in self.factors:
            known = ", ".join([self.unit, *self.factors])
            raise ValueError(f"the unit is not known for {self.id}: use one of {known}")
        return self.factors[ucum]

    def plausible(self, value: Decimal) -> bool:
        """Whether a value in `unit` can be a person's; others go to a human, never into a decision."""
        return self.lowest <= value <= self.highest


@dataclass(frozen=True, slots=True)
class Library:
    """What `analytes.toml` says."""

    analytes: Mapping[str, Analyte]
    panels: Mapping[str, tuple[str, ...]]
    aliases: Mapping[str, str]  # what laboratories write -> the UCUM unit that it means


@cache
def _library() -> Library:
    text = resources.files("schedules").joinpath("library", "analytes.toml").read_text("utf-8")
    document = tomllib.loads(text, parse_float=Decimal)
    return Library(
        MappingProxyType({name: _analyte(name, entry) for name, entry in document["analytes"].items()}),
        MappingProxyType({name: tuple(entry["components"]) for name, entry in document["panels"].items()}),
        MappingProxyType(document["aliases"]),
    )


def _analyte(name: str, entry: Mapping[str, Any]) -> Analyte:
    return Analyte(
        id=name,
        title=entry["title"],
        unit=entry["unit"],
        loinc=tuple(entry.get("loinc", ())),
        snomed=tuple(entry.get("snomed", ())),
        factors=MappingProxyType(
            {unit: Decimal(factor) for unit, factor in entry.get("factors", {}).items()}
        ),
        lowest=Decimal(entry["lowest"]),
        highest=Decimal(entry["highest"]),
    )


def analyte(name: str) -> Analyte:
    """ValueError when there is no analyte of that id."""
    known = _library().analytes
    if name not in known:
        raise ValueError("there is no such analyte in the library")
    return known[name]


def analytes() -> Mapping[str, Analyte]:
    return _library().analytes


def panels() -> Mapping[str, tuple[str, ...]]:
    return _library().panels


def components(panel: Iterable[str]) -> frozenset[str]:
    """The analytes that a list of analytes and panels names; ValueError for an unknown name."""
    found: set[str] = set()
    for name in panel:
        found.update(panels()[name] if name in panels() else (analyte(name).id,))
    return frozenset(found)
