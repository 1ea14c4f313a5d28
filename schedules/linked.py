"""What a protocol says of a visit whose test must be there before it."""

from collections.abc import Iterable
from typing import Protocol as Shape

from schedules.fields import Cited, Id, Kind, Length, Wrong


class Beforehand(Cited):
    """The test clock, and how long before a booked visit its open item is due."""

    clock: Id
    by: Length


class Linked(Shape):
    @property
    def id(self) -> str: ...
    @property
    def kind(self) -> Kind: ...
    @property
    def test_before(self) -> Beforehand | None: ...


def check(clocks: Iterable[Linked]) -> None:
    """Wrong when a link does not lead from a visit clock to a test clock."""
    every = list(clocks)
    tests = {clock.id for clock in every if clock.kind == "test"}
    for number, clock in enumerate(every):
        if clock.test_before is None:
            continue
        if clock.kind != "visit":
            raise Wrong(f"clocks.{number}.test_before", "only a visit clock has a test before it")
        if clock.test_before.clock not in tests:
            raise Wrong(f"clocks.{number}.test_before.clock", "there is no test clock of this id")
