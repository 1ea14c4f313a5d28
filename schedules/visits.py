"""Several open test items of one patient as visits: one journey, one message, one form (rules §7)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Generic, TypeVar

from schedules.facts import Item

Name = TypeVar("Name")


@dataclass(frozen=True, slots=True)
class Asked(Generic[Name]):
    """An open test item with the caller's own name for its course."""

    course: Name
    item: Item


@dataclass(frozen=True, slots=True)
class Visit(Generic[Name]):
    on: date
    items: tuple[Asked[Name], ...]

    @property
    def components(self) -> tuple[str, ...]:
        """The union of what is still missing, by name."""
        return tuple(sorted({component for asked in self.items for component in asked.item.missing}))


def visits(asked: Iterable[Asked[Name]]) -> list[Visit[Name]]:
    """The earliest due item makes a visit; every item open by that day joins it; repeat with the rest."""
    rest = sorted(
        (a for a in asked if a.item.kind == "test" and a.item.class_ is None and not a.item.held),
        key=lambda a: (a.item.due_on, str(a.course), a.item.clock),
    )
    found: list[Visit[Name]] = []
    while rest:
        day = rest[0].item.due_on
        found.append(Visit(on=day, items=tuple(a for a in rest if a.item.opens_on <= day)))
        rest = [a for a in rest if a.item.opens_on > day]
    return found
