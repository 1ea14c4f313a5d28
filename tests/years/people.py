"""Invented patients: on what, where, and how they keep to it. Everything is drawn from one seed."""

import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from schedules import analytes, library
from schedules.protocol import Protocol

ZONES = ("America/New_York", "America/Los_Angeles", "Europe/London", "Europe/Madrid", "Pacific/Auckland")
WITHIN = 365  # days in which everybody comes
TWO_MEDICINES = 0.15
A_PAIR = {"methotrexate", "leflunomide"}  # each changes the other's rule, of which a plan alone knows nothing
A_YEAR = {  # how often it happens to one patient
    "dose-increase": 0.5, "dose-decrease": 0.2, "hold": 0.3, "stop": 0.05, "move": 0.1, "opt-out": 0.08,
    "opt-in": 0.5, "died": 0.015,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """`late` and `spread` are days from the due day to the test; `skips` and `partly` are shares of tests."""

    number: int
    zone: str
    protocols: tuple[Protocol, ...]
    comes_on: date
    late: float
    spread: float
    skips: float
    partly: float

    @property
    def record(self) -> dict[str, Any]:
        agreed = {"given": True, "at": "2020-01-01T09:00:00Z", "source": "paper form"}
        contact = {"channel": "sms", "address": f"+1202555{self.number % 10_000:04}", "consent": agreed}
        said = {"mrn": str(self.number), "name": "Ada Invented", "birth_date": "1970-01-01"}
        return said | {"time_zone": self.zone, "contacts": [contact]}

    def goes_on(self, due_on: date, chance: random.Random) -> date:
        """When this person does what is due on a day; who skips it comes when somebody has called."""
        if chance.random() < self.skips:
            return due_on + timedelta(days=chance.randint(30, 150))
        return due_on + timedelta(days=round(chance.gauss(self.late, self.spread)))


def invent(first: int, count: int, chance: random.Random, begin: date) -> list[Person]:
    every = list(library.protocols().values())
    return [_person(first + n, every, chance, begin) for n in range(count)]


def _person(number: int, every: list[Protocol], chance: random.Random, begin: date) -> Person:
    first, other = chance.choice(every), chance.choice(every)
    names = {first.medicine.name, other.medicine.name}
    two = chance.random() < TWO_MEDICINES and len(names) == 2 and names != A_PAIR
    return Person(
        number=number,
        zone=chance.choice(ZONES),
        protocols=(first, other) if two else (first,),
        comes_on=begin + timedelta(days=chance.randrange(WITHIN)),
        late=chance.uniform(-2, 6),
        spread=chance.uniform(0.5, 6),
        skips=chance.choice((0.0, 0.03, 0.1, 0.3)),
        partly=chance.choice((0.0, 0.05, 0.2)),
    )


def values(components: Iterable[str], chance: random.Random) -> list[dict[str, str]]:
    """A draw's values: usually in the lower part of what is plausible, now and then at its edges."""
    return [_value(name, chance) for name in sorted(components)]


def _value(name: str, chance: random.Random) -> dict[str, str]:
    known = analytes.analyte(name)
    share = chance.choice((0.02, 0.9)) if chance.random() < 0.02 else chance.uniform(0.1, 0.3)
    figure = known.lowest + (known.highest - known.lowest) * round(Decimal(share), 3)
    return {"analyte": name, "value": f"{figure:.3f}", "unit": known.unit}
